package study

import (
	"math"
	"slices"
	"strconv"
	"testing"

	"oscar/result"
)

func close3(a, b float64) bool { return math.Abs(a-b) < 5e-4 }

// seedsOf are samples of runs that have one number each.
func seedsOf(values ...float64) []sample {
	return each(values, single)
}

// 0.80 and 0.82 against 0.90 and 0.92: a difference of -0.1; the pooled variance
// is 0.0002, its root times sqrt(1/2 + 1/2) is 0.01414, and t of two degrees of
// freedom 4.3027: -0.1608 to -0.0392.
func TestClaimByHand(t *testing.T) {
	m := result.Measure{Name: "train_accuracy", Title: "training accuracy"}
	a, b := seedsOf(0.80, 0.82), seedsOf(0.90, 0.92)
	for _, test := range []struct {
		direction string
		margin    float64
		want      string
		why       string
	}{
		{lower, 0, result.Supported, "difference -0.1, 95 % -0.161 to -0.0392, over 2 and 2 seeds: it does not contain 0, and lies on the claimed side"},
		{higher, 0, result.NotSupported, "difference -0.1, 95 % -0.161 to -0.0392, over 2 and 2 seeds: it does not contain 0, and lies on the other side"},
		{lower, 0.039, result.Supported, "difference -0.1, 95 % -0.161 to -0.0392, over 2 and 2 seeds: it does not contain -0.039, and lies on the claimed side"},
		{lower, 0.05, result.Undecided, "difference -0.1, 95 % -0.161 to -0.0392, over 2 and 2 seeds: it contains -0.05"},
		{lower, 0.17, result.NotSupported, "difference -0.1, 95 % -0.161 to -0.0392, over 2 and 2 seeds: it does not contain -0.17, and lies on the other side"},
	} {
		got := judge(Claim{Variant: "a", Against: "b", Measure: m.Name, Direction: test.direction, Margin: test.margin}, m, compared{a, b})
		if got.Verdict != test.want || got.Why != test.why {
			t.Errorf("%s by %g: %s: %s\nwant %s: %s", test.direction, test.margin, got.Verdict, got.Why, test.want, test.why)
		}
		if !close3(float64(got.Difference), -0.1) || !close3(float64(got.Low), -0.16085) || !close3(float64(got.High), -0.03915) || got.VariantMean != 0.81 || got.AgainstMean != 0.91 {
			t.Errorf("%+v", got)
		}
	}
}

// Seeds that disagree decide nothing, nor does one seed, nor none.
func TestClaimUndecided(t *testing.T) {
	m := result.Measure{Name: "train_accuracy", Title: "training accuracy"}
	c := Claim{Variant: "a", Against: "b", Measure: m.Name, Direction: lower}
	for _, test := range []struct {
		a, b []sample
		why  string
	}{
		{seedsOf(0.7, 0.9), seedsOf(0.9, 0.92), "difference -0.11, 95 % -0.542 to 0.322, over 2 and 2 seeds: it contains 0"},
		{seedsOf(0.5), seedsOf(0.9, 0.92), "a difference of -0.41: one seed of a variant tells nothing of another; two at least are wanted of both"},
		{nil, seedsOf(0.9, 0.92), "training accuracy was not measured in a"},
		{seedsOf(0.9, 0.92), nil, "training accuracy was not measured in b"},
		{seedsOf(0.9, 0.9), seedsOf(0.9, 0.9), "difference 0, 95 % 0 to 0, over 2 and 2 seeds: it contains 0"},
	} {
		if got := judge(c, m, compared{test.a, test.b}); got.Verdict != result.Undecided || got.Why != test.why {
			t.Errorf("%s: %s\nwant undecided: %s", got.Verdict, got.Why, test.why)
		}
	}
}

// Where there is a value an image, other images could have changed the
// difference too: seeds that agree to the last digit do not decide alone.
func TestClaimOverImages(t *testing.T) {
	m := result.Measure{Name: "focus", Title: "focus"}
	c := Claim{Variant: "a", Against: "b", Measure: m.Name, Direction: lower}
	run := func(values ...float64) sample {
		cases := map[string]float64{}
		for i, v := range values {
			cases[string(rune('p'+i))] = v
		}
		return perCase(cases)
	}
	// Image-wise differences are -0.1, -0.1, 0.5, -0.5: mean -0.05, deviation
	// 0.4123, so that the mean has 0.2062, and t of three degrees is 3.1824.
	a := []sample{run(0.4, 0.5, 0.9, 0.2), run(0.4, 0.5, 0.9, 0.2)}
	b := []sample{run(0.5, 0.6, 0.4, 0.7), run(0.5, 0.6, 0.4, 0.7)}
	got := judge(c, m, compared{a, b})
	if got.Verdict != result.Undecided || !close3(float64(got.Difference), -0.05) || !close3(float64(got.Low), -0.05-0.6561) || !close3(float64(got.High), -0.05+0.6561) {
		t.Errorf("%+v", got)
	}
	// The same with a difference that every image has.
	b = []sample{run(0.5, 0.61, 1, 0.3), run(0.5, 0.59, 1, 0.3)}
	if got := judge(c, m, compared{a, b}); got.Verdict != result.Supported {
		t.Errorf("%+v", got)
	}
	// Images that one of the two could not be judged on are left out.
	if got := imageDifferences(compared{[]sample{run(1, 2)}, []sample{run(0, 0, 5)}}); len(got) != 2 || got[0] != 1 || got[1] != 2 {
		t.Errorf("differences %v", got)
	}
}

// Of a ratio measure the samples are logarithms: half as much in each of two
// seeds, which differ by a factor of 1.1.
func TestClaimByRatio(t *testing.T) {
	m := result.Measure{Name: "intensity", Title: "intensity", Ratio: true}
	logs := func(values ...float64) []sample {
		return each(values, func(v float64) sample { return single(math.Log(v)) })
	}
	sides := compared{logs(1, 1.1), logs(2, 2.2)}
	c := Claim{Variant: "a", Against: "b", Measure: m.Name, Direction: lower}
	got := judge(c, m, sides)
	spread := math.Exp(4.302653 * math.Log(1.1) / math.Sqrt2)
	if got.Verdict != result.Supported || !close3(float64(got.Difference), 0.5) || !close3(float64(got.Low), 0.5/spread) || !close3(float64(got.High), 0.5*spread) {
		t.Errorf("%+v", got)
	}
	if got.Why != "ratio 0.5, 95 % 0.374 to 0.668, over 2 and 2 seeds: it does not contain 1, and lies on the claimed side" {
		t.Errorf("why %q", got.Why)
	}
	c.Margin = 1 // lower by a factor of two at least
	if got := judge(c, m, sides); got.Verdict != result.Undecided {
		t.Errorf("%+v", got)
	}
	if !close3(float64(got.VariantMean), math.Sqrt(1.1)) {
		t.Errorf("mean %v is not geometric", got.VariantMean)
	}
}

func TestFigures(t *testing.T) {
	m := result.Measure{Name: "focus"}
	three := figure(m, seedsOf(1, 2, 3))
	if three.Mean != 2 || three.Interval != result.StudentT || !close3(float64(three.Low), 2-2.4841) || !close3(float64(three.High), 2+2.4841) {
		t.Errorf("three seeds: %+v", three)
	}
	if two := figure(m, seedsOf(3, 1)); two != (result.Figure{Mean: 2, Low: 1, High: 3, Interval: result.Range, N: 2}) {
		t.Errorf("two seeds: %+v", two)
	}
	for n := 2; n < 5; n++ {
		if same := figure(m, seedsOf(slices.Repeat([]float64{0.25}, n)...)); same.Mean != 0.25 || same.Interval != result.None || same.Low == same.Low || same.N != n {
			t.Errorf("%d equal seeds: %+v", n, same)
		}
	}
	if one := figure(m, seedsOf(3)); one.Mean != 3 || one.Interval != result.None || one.Low == one.Low {
		t.Errorf("one seed: %+v", one)
	}
	answers := perCase(map[string]float64{"a": 1, "b": 0, "c": 0})
	if one := figure(result.Measure{Name: "test_accuracy"}, []sample{answers}); one.Interval != result.Wilson || !close3(float64(one.Low), 0.0615) || !close3(float64(one.High), 0.7923) {
		t.Errorf("one seed's accuracy: %+v", one)
	}
	if one := figure(m, []sample{answers}); one.Interval != result.Bootstrap || !(one.Low <= one.Mean && one.Mean <= one.High) {
		t.Errorf("one seed's images: %+v", one)
	}
	if f := figure(m, nil); f.N != 0 || f.Mean == f.Mean {
		t.Errorf("none: %+v", f)
	}
	if f := figure(result.Measure{Ratio: true}, seedsOf(0, math.Log(4))); !close3(float64(f.Mean), 2) || !close3(float64(f.High), 4) || f.Low != 1 {
		t.Errorf("a ratio: %+v", f)
	}
}

// Each run is paired with that of the same seed; what holds of every seed is the
// largest p.
func TestMcNemarPairsSeeds(t *testing.T) {
	answered := func(right ...int) *runData {
		e := &result.Evaluation{}
		for i, r := range right {
			e.Classifications = append(e.Classifications, result.Classification{Image: string(rune('a' + i)), Truth: "1", Predicted: strconv.Itoa(r)})
		}
		return &runData{evaluation: e}
	}
	base := &row{variant: Variant{Name: "baseline"}, runs: []*run{{seed: 1}, {seed: 2}, {seed: 3}}}
	other := &row{variant: Variant{Name: "a"}, runs: []*run{{seed: 1}, {seed: 2}, {seed: 3}}}
	c := &comparison{data: map[*run]*runData{
		base.runs[0]: answered(0, 0, 0, 0, 0, 1, 1), other.runs[0]: answered(1, 1, 1, 1, 1, 1, 0),
		base.runs[1]: answered(1, 0), other.runs[1]: answered(0, 1),
		base.runs[2]: answered(1), // the other's third run failed
	}}
	got := c.mcnemar(other, base)
	want := []result.McNemarTest{
		{Seed: 1, Images: 7, OnlyThis: 5, OnlyAgainst: 1, P: 2 * 7. / 64},
		{Seed: 2, Images: 2, OnlyThis: 1, OnlyAgainst: 1, P: 1},
	}
	if len(got.Tests) != 2 || got.P != 1 || got.Against != "baseline" {
		t.Fatalf("%+v", got)
	}
	for i, w := range want {
		g := got.Tests[i]
		if math.Abs(g.P-w.P) > 1e-12 {
			t.Errorf("p %v, want %v", g.P, w.P)
		}
		if g.P = w.P; g != w {
			t.Errorf("%+v, want %+v", g, w)
		}
	}
	if got := c.mcnemar(&row{runs: []*run{{}, {}, {}}}, base); got != nil {
		t.Errorf("without runs: %+v", got)
	}
}
