package study

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"oscar/dataset"
	"oscar/experiment"
	"oscar/result"
)

// Two variants of 40 epochs with two seeds, 100 images in two classes of 70 and
// 30. An epoch is 100 images x 2 copies x 0.01 s + 10 s for the checkpoint = 12 s;
// a run 40 of them and 20 s; all four 4 x 500 s = 2000 s.
func TestCut(t *testing.T) {
	costs := []cost{
		{name: "baseline", epochs: 40, copies: 2, step: 0.01, save: 10, fixed: 20},
		{name: "no-relu", epochs: 40, copies: 2, step: 0.01, save: 10, fixed: 20},
	}
	l := load{classes: []int{70, 30}, seeds: 2}
	if got := total(costs, l, 1, 70); got != 2000 {
		t.Fatalf("%v seconds, want 2000", got)
	}
	if c, err := cut(costs, l, 2000/0.9+1); c != nil || err != nil {
		t.Errorf("a budget that does: %+v, %v", c, err)
	}
	// 1000 s, of which 900 are planned: 225 a run, 205 of them for epochs: 17.
	c, err := cut(costs, l, 1000)
	if err != nil || c.Full != 2000 || c.Expected != 4*(20+17*12) || c.TrainPerClass != 0 || !reflect.DeepEqual(c.Text, []string{"baseline, no-relu: 17 epochs of 40"}) {
		t.Errorf("%+v, %v", c, err)
	}
	// 320 s: 288 planned, 72 a run: 52 for five epochs, of which 10.4 s each: 0.4 s
	// are 20 images: fewer than 20 of each class.
	_, err = cut(costs, l, 320)
	wantError(t, err, "a budget of 5m is too little: 5 epochs of 20 training images a class take about 5m, and 5m of it are planned for; give more, or take fewer variants or seeds")
	// 340 s: 306 planned, 76.5 a run: 56.5 for five epochs, of which 11.3 s each:
	// 1.3 s are 65 images: 35 of the larger class and all 30 of the other.
	c, err = cut(costs, l, 340)
	want := []string{"baseline, no-relu: 5 epochs of 40", "training images: at most 35 of a class, 65 of 100 in all"}
	if err != nil || c.TrainPerClass != 35 || !reflect.DeepEqual(c.Text, want) {
		t.Errorf("%+v, %v", c, err)
	}
}

// Phases and warm-up shrink with the epochs; few epochs are left as they are.
func TestApply(t *testing.T) {
	phase := func(n int) dataset.Phase {
		return dataset.Phase{Epochs: n, Variation: dataset.Variation{HorizontalFlip: true}}
	}
	asked := experiment.Training{
		Epochs: 60, Schedule: experiment.Schedule{WarmupEpochs: 6},
		Augmentation: dataset.Augmentation{Phases: []dataset.Phase{phase(20), phase(0)}},
	}
	got := asked
	apply(&result.Cut{Share: 0.25}, &got)
	if got.Epochs != 15 || got.Schedule.WarmupEpochs != 1.5 || got.Augmentation.Phases[0].Epochs != 5 || got.Augmentation.Phases[1].Epochs != 0 {
		t.Errorf("%+v", got)
	}
	if asked.Augmentation.Phases[0].Epochs != 20 {
		t.Error("the cut reached the study")
	}
	apply(nil, &got)
	short := experiment.Training{Epochs: 3}
	if apply(&result.Cut{Share: 0.1}, &short); short.Epochs != 3 || got.Epochs != 15 {
		t.Errorf("%d and %d epochs", short.Epochs, got.Epochs)
	}
	if e := cutEpochs(40, 0); e != minEpochs {
		t.Errorf("%d epochs are left of 40", e)
	}
}

// A cut takes the same images whatever their order, and only from training; what
// is left can be read back.
func TestAtMost(t *testing.T) {
	folder := &dataset.Folder{Classes: []string{"a", "b"}}
	for i := range 30 {
		sum := sha256.Sum256(fmt.Append(nil, i))
		folder.Items = append(folder.Items, dataset.Item{Path: fmt.Sprintf("%c/%02d", 'a'+i%2, i), Class: i % 2, SHA256: hex.EncodeToString(sum[:])})
	}
	split, err := dataset.NewSplit(folder, [3]float64{0.6, 0.2, 0.2}, 7)
	if err != nil {
		t.Fatal(err)
	}
	small, err := atMost(split, 4)
	if err != nil {
		t.Fatal(err)
	}
	if n := trainCounts(small); n[0] != 4 || n[1] != 4 || !reflect.DeepEqual(small.Test, split.Test) || !reflect.DeepEqual(small.Validation, split.Validation) {
		t.Errorf("%v to train on", n)
	}
	if n := trainCounts(split); n[0] != 9 || n[1] != 9 {
		t.Errorf("the split itself has %v", n)
	}
	smaller, err := atMost(split, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range smaller.Train {
		if !slices.ContainsFunc(small.Train, func(other dataset.Item) bool { return other.Path == item.Path }) {
			t.Errorf("%s is among two a class, but not among four", item.Path)
		}
	}
	path := filepath.Join(t.TempDir(), "split.json")
	if err := small.Write(path); err != nil {
		t.Fatal(err)
	}
	if again, err := dataset.ReadSplit(path); err != nil || again.Hash == split.Hash {
		t.Errorf("%v", err)
	}
}

// A budget is measured, kept, and told.
func TestBudget(t *testing.T) {
	o := options(t)
	o.Study.Base["training"].(keys)["epochs"] = 100000
	o.Study.Seeds = []uint64{1}
	o.Budget = 10e9
	res, err := Run(t.Context(), o)
	for err != nil && strings.Contains(err.Error(), "is too little") && o.Budget < 2*time.Minute { // the machine has other work
		o.Budget *= 2
		res, err = Run(t.Context(), o)
	}
	if err != nil {
		t.Fatal(err)
	}
	c, budget := res.Cut, o.Budget.Seconds()
	if c == nil || c.Budget != budget || c.Expected > 0.9*budget || c.Full < budget || len(c.Text) == 0 {
		t.Fatalf("cut %+v", c)
	}
	if v := res.Variants[0]; v.Epochs >= 100000 || len(v.Runs[0].Epochs) != v.Epochs {
		t.Errorf("%d epochs of %d", len(v.Runs[0].Epochs), v.Epochs)
	}
	for _, claim := range res.Claims {
		if claim.Verdict != result.Undecided {
			t.Errorf("one seed decides: %+v", claim)
		}
	}
	again, err := Run(t.Context(), o)
	if err != nil || !reflect.DeepEqual(again.Cut, c) || again.Variants[1].Epochs != res.Variants[1].Epochs {
		t.Errorf("again: %+v, %v", again.Cut, err)
	}
}
