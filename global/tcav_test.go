package global_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"oscar/explain"
	"oscar/global"
)

// Two examples at 1 and -1: |w|^2/2 + 2 log(1 + e^-w) is least where
// w = 2/(1 + e^w).
func TestLogisticByHand(t *testing.T) {
	for _, c := range []float64{0.1, 1, 30} {
		w, b, err := global.Logistic([][]float32{{1}, {-1}}, []bool{true, false}, c)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(w[0]-2*c/(1+math.Exp(w[0]))) > 1e-12 || math.Abs(b) > 1e-12 {
			t.Errorf("C %v: weight %v, bias %v", c, w, b)
		}
	}
}

// More values than examples: the same solution as of the examples in fewer
// coordinates, turned.
func TestLogisticOfWideExamples(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	const n, d = 12, 5
	var narrow, wide [][]float32
	var y []bool
	for i := range n {
		row := make([]float32, d)
		for j := range row {
			row[j] = float32(r.NormFloat64()) + float32(i%2)
		}
		narrow, y = append(narrow, row), append(y, i%2 == 1)
		// Each coordinate twice, at 0.6 and 0.8: of the same length.
		turned := make([]float32, 4*d)
		for j, v := range row {
			turned[3*j], turned[3*j+1] = 0.6*v, 0.8*v
		}
		wide = append(wide, turned)
	}
	want, wantBias, err := global.Logistic(narrow, y, 2)
	if err != nil {
		t.Fatal(err)
	}
	got, bias, err := global.Logistic(wide, y, 2)
	if err != nil {
		t.Fatal(err)
	}
	for j, w := range want {
		if math.Abs(got[3*j]-0.6*w) > 1e-5 || math.Abs(got[3*j+1]-0.8*w) > 1e-5 {
			t.Errorf("coordinate %d: %v and %v, want %v and %v", j, got[3*j], got[3*j+1], 0.6*w, 0.8*w)
		}
	}
	if math.Abs(bias-wantBias) > 1e-5 {
		t.Errorf("bias %v, want %v", bias, wantBias)
	}
}

func TestLogisticOfHardExamples(t *testing.T) {
	for name, x := range map[string][][]float32{
		"all the same":  {{1, 2}, {1, 2}, {1, 2}},
		"all zero":      {{0, 0, 0, 0, 0}, {0, 0, 0, 0, 0}, {0, 0, 0, 0, 0}},
		"far apart":     {{1e6, 0}, {-1e6, 1}, {2e6, 5}},
		"far and wide":  {{1e5, 0, 1, 1, 1}, {-1e5, 1, 2, 3, 4}, {2e5, 5, 0, 0, 0}},
		"tiny":          {{1e-20}, {-1e-20}, {2e-20}},
		"a single axis": {{1, 0, 0, 0}, {2, 0, 0, 0}, {5, 0, 0, 0}},
	} {
		w, b, err := global.Logistic(x, []bool{true, false, true}, 1)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, v := range append(w, b) {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("%s: weights %v, bias %v", name, w, b)
			}
		}
	}
	if _, _, err := global.Logistic([][]float32{{float32(math.NaN())}, {1}}, []bool{true, false}, 1); err == nil {
		t.Error("a NaN was fitted")
	}
}

// clouds are examples of d values, the first shifted.
func examples(r *rand.Rand, n, d int, shift float64) [][]float32 {
	out := make([][]float32, n)
	for i := range out {
		out[i] = make([]float32, d)
		for j := range out[i] {
			out[i][j] = float32(r.NormFloat64())
		}
		out[i][0] += float32(shift)
	}
	return out
}

// A concept is the first coordinate. A class that moves with it has a score of
// 1, one that moves against it 0, one that does not care neither.
func TestTCAVOfAKnownConcept(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	concept, random := examples(r, 40, 60, 4), examples(r, 150, 60, 0)
	train := global.CAVs{Seed: 5}
	cavs, err := train.Concept(t.Context(), "first", concept, random)
	if err != nil {
		t.Fatal(err)
	}
	others, err := train.Random(t.Context(), "first", len(concept), random)
	if err != nil {
		t.Fatal(err)
	}
	// Ten times 13 of 40 and 13 of 150.
	if len(cavs.CAVs) != 10 || cavs.HeldOut < 80 || cavs.HeldOut > 40+130 {
		t.Errorf("%d CAVs, %d images held out", len(cavs.CAVs), cavs.HeldOut)
	}
	for _, c := range cavs.CAVs {
		length, others := 0.0, float32(0)
		for i, v := range c.Direction {
			length += float64(v) * float64(v)
			if i > 0 {
				others = max(others, v, -v)
			}
		}
		if math.Abs(length-1) > 1e-5 || c.Direction[0] < 2*others {
			t.Errorf("a CAV of length %v, %v along the concept, up to %v elsewhere", length, c.Direction[0], others)
		}
	}
	for _, class := range []struct {
		name   string
		along  float64
		want   global.Verdict
		scored func(float64) bool
	}{
		{"with", 3, global.Significant, func(s float64) bool { return s > 0.95 }},
		{"against", -3, global.Significant, func(s float64) bool { return s < 0.05 }},
		{"neither", 0, global.NotSignificant, func(s float64) bool { return s > 0.2 && s < 0.8 }},
	} {
		gradients := examples(r, 60, 60, class.along)
		for _, g := range gradients {
			for j := 1; j < len(g); j++ {
				g[j] *= 0.3
			}
		}
		got := global.Compare(cavs, moved(cavs, gradients), moved(others, gradients), len(gradients), 3)
		if got.Verdict != class.want || !class.scored(float64(got.Score)) || got.Accuracy < 0.85 || got.Images != 60 {
			t.Errorf("%s: %+v", class.name, got)
		}
	}
}

func moved(v global.Vectors, gradients [][]float32) []int {
	out := make([]int, len(v.CAVs))
	for k, c := range v.CAVs {
		for _, g := range gradients {
			if c.Moves(g) {
				out[k]++
			}
		}
	}
	return out
}

// What is like the random examples is no concept, however it moves the class.
func TestTCAVOfNoConcept(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	random := examples(r, 120, 20, 0)
	cavs, err := global.CAVs{Seed: 1}.Concept(t.Context(), "none", examples(r, 40, 20, 0), random)
	if err != nil {
		t.Fatal(err)
	}
	all, none := make([]int, len(cavs.CAVs)), make([]int, len(cavs.CAVs))
	for i := range all {
		all[i] = 30
	}
	got := global.Compare(cavs, all, none, 30, 1)
	if got.Verdict != global.NoConcept || got.Score != 1 || got.P != 0 {
		t.Errorf("%+v", got)
	}
}

// What was not tested does not make the others' limit stricter.
func TestComparisonsAreTests(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	values := func(n int) (out [][]float32) {
		for range n {
			out = append(out, []float32{float32(r.NormFloat64()), float32(r.NormFloat64())})
		}
		return out
	}
	tcav := global.TCAV{Layer: "conv", Train: global.CAVs{Seed: 1, Experiments: 2}, Random: values(40)}
	for name, n := range map[string]int{"a": 20, "b": 20, "few": 2} {
		if _, err := tcav.Add(t.Context(), name, values(n)); err != nil {
			t.Fatal(err)
		}
	}
	for class, n := range []int{12, 11, 3} {
		for _, gradient := range values(n) {
			tcav.Count(explain.Volume{Height: 1, Width: 1, Channels: 2, Values: gradient}, class)
		}
	}
	got := tcav.Compare([]string{"x", "y", "z"}, []int{0, 1, 2})
	tested := 0
	for _, c := range got.Concepts {
		for _, s := range c.Classes {
			if s.Verdict != global.TooFewImages {
				tested++
			}
		}
	}
	if got.Comparisons != 4 || tested != 4 {
		t.Errorf("%d comparisons, %d tested, want 4: two concepts and two classes have enough images", got.Comparisons, tested)
	}
}

func TestCAVsAreRepeatable(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	concept, random := examples(r, 20, 8, 2), examples(r, 50, 8, 0)
	make := func(seed uint64) global.Vectors {
		cavs, err := global.CAVs{Seed: seed, Experiments: 3}.Concept(t.Context(), "x", concept, random)
		if err != nil {
			t.Fatal(err)
		}
		return cavs
	}
	if !reflect.DeepEqual(make(1), make(1)) {
		t.Error("one seed gives two results")
	}
	if reflect.DeepEqual(make(1), make(2)) {
		t.Error("two seeds give one result")
	}
	if c := make(1).CAVs; reflect.DeepEqual(c[0], c[1]) {
		t.Error("two experiments have the same random examples")
	}
}

func TestCAVRefusals(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	few, many := examples(r, 9, 4, 1), examples(r, 40, 4, 0)
	if _, err := (global.CAVs{}).Concept(t.Context(), "x", few, many); err == nil {
		t.Error("nine examples were taken")
	}
	if _, err := (global.CAVs{}).Random(t.Context(), "x", 40, few); err == nil {
		t.Error("nine random examples were taken")
	}
	if _, err := (global.CAVs{Experiments: -1}).Concept(t.Context(), "x", many, many); err == nil {
		t.Error("-1 experiments were taken")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (global.CAVs{}).Concept(ctx, "x", many, many); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func TestVerdicts(t *testing.T) {
	telling := func(accuracy float64, held int) global.Vectors {
		cav := global.CAV{Accuracy: accuracy}
		return global.Vectors{CAVs: []global.CAV{cav, cav, cav, cav}, HeldOut: held}
	}
	good := telling(0.95, 20)
	high, low := []int{19, 20, 20, 18}, []int{9, 3, 12, 8}
	for _, c := range []struct {
		name        string
		cavs        global.Vectors
		a, b        []int
		images      int
		comparisons int
		want        global.Verdict
		words       string
	}{
		{"clear", good, high, low, 20, 1, global.Significant, "more than random"},
		{"clear, the other way round", good, low, high, 20, 1, global.Significant, "fewer than random"},
		{"one of very many", good, high, low, 20, 1000, global.NotSignificant, "not significant"},
		{"the same", good, high, high, 20, 1, global.NotSignificant, "not significant"},
		{"few images of the class", good, high, low, 9, 1, global.TooFewImages, "too few images"},
		{"no CAVs", global.Vectors{}, nil, nil, 20, 1, global.TooFewImages, "too few images"},
		{"65 % of 20 right", telling(0.65, 20), high, low, 20, 1, global.NoConcept, "accuracy no better than chance"},
		{"65 % of 200 right", telling(0.65, 200), high, low, 20, 1, global.Significant, "more than random"},
	} {
		got := global.Compare(c.cavs, c.a, c.b, c.images, c.comparisons)
		if got.Verdict != c.want || got.Words() != c.words || got.Reason == "" {
			t.Errorf("%s: %+v", c.name, got)
		}
		b, err := json.Marshal(got)
		var of map[string]any
		if err := errors.Join(err, json.Unmarshal(b, &of)); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"score", "deviation", "random_score", "random_deviation", "p"} {
			if _, known := of[key]; !known || (of[key] == nil) != (c.want == global.TooFewImages) {
				t.Errorf("%s: %s is %v", c.name, key, of[key])
			}
		}
		for _, key := range []string{"accuracy", "accuracy_low"} {
			if (of[key] == nil) != (len(c.cavs.CAVs) == 0) {
				t.Errorf("%s: %s is %v", c.name, key, of[key])
			}
		}
	}
	for comparisons, want := range map[int]string{1: "p at most 0.05 (1 comparison)", 12: "p at most 0.0042 (0.05 over 12 comparisons)"} {
		if got := global.Threshold(comparisons); got != want {
			t.Errorf("significant: %s, want %s", got, want)
		}
	}
	if p := global.Welch([]float64{1, 1}, []float64{0, 0}); p != 0 {
		t.Errorf("two constants apart have p %v", p)
	}
	if p := global.Welch([]float64{1, 1}, []float64{1, 1}); p != 1 {
		t.Errorf("two equal constants have p %v", p)
	}
	if p := global.Welch([]float64{1}, []float64{0, 1}); p != 1 {
		t.Errorf("a single value has p %v", p)
	}
}

func TestOverPositions(t *testing.T) {
	got := global.OverPositions(explain.Volume{Height: 1, Width: 2, Channels: 3, Values: []float32{1, 2, 3, 5, -2, 4}})
	if !reflect.DeepEqual(got, []float32{3, 0, 3.5}) {
		t.Errorf("the means are %v", got)
	}
}
