package pipeline

import (
	"math"
	"path/filepath"
	"testing"

	"oscar/internal/paths"
	"oscar/result"
)

// A model compared with itself differs in nothing, and no limit is exceeded.
func TestCompareWithItself(t *testing.T) {
	r := trained(t)
	c, err := Compare(t.Context(), CompareOptions{Models: [2]string{r.Dir, r.Dir}, Part: "test", Method: "gradcam", Machine: oneThread,
		Limits: map[string]float64{"accuracy_drop": 0, "loss_rise": 0, "changed": 0, "drift": 1e-12}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Changed != 0 || c.McNemar.OnlyThis != 0 || c.McNemar.OnlyAgainst != 0 || c.McNemar.P != 1 {
		t.Errorf("changed %v, McNemar %+v", c.Changed, c.McNemar)
	}
	if c.Drift.Images == 0 || math.Abs(float64(c.Drift.Value)) > 1e-12 || math.Abs(float64(c.Drift.SSIM-1)) > 1e-6 {
		t.Errorf("drift %+v", c.Drift)
	}
	if !(c.Drift.Chance < c.Drift.Rank) {
		t.Errorf("by chance %v, of the same image %v", c.Drift.Chance, c.Drift.Rank)
	}
	if exceeded := result.Exceeded(c.Limits); len(c.Limits) != 4 || len(exceeded) > 0 {
		t.Errorf("limits %v, exceeded %v", c.Limits, exceeded)
	}
}

// Each model's figures are those of Evaluate, and the paired figures follow from
// the two lists of classifications.
func TestCompareAsEvaluate(t *testing.T) {
	a := trained(t)
	x := tiny()
	x.Seed, x.Training.LearningRate = 5, 0.02
	b, err := train(t, TrainOptions{Out: filepath.Join(t.TempDir(), "run"), Experiment: x})
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "comparison")
	c, err := Compare(t.Context(), CompareOptions{Models: [2]string{a.Dir, b.Dir}, Part: "all", Data: shapes(t), Method: "gradcam", Images: 10, Out: out, Machine: oneThread})
	if err != nil {
		t.Fatal(err)
	}
	var said [2]map[string]result.Classification
	for i, m := range c.Models {
		e, err := Evaluate(t.Context(), EvaluateOptions{Model: m.Path, Data: shapes(t), Part: "all", Machine: oneThread})
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Evaluation; got.Accuracy != e.Accuracy || math.Abs(float64(got.Loss-e.Loss)) > 1e-5 || got.Images != e.Images {
			t.Errorf("model %d: accuracy %v, loss %v, images %d; Evaluate %v, %v, %d", i, got.Accuracy, got.Loss, got.Images, e.Accuracy, e.Loss, e.Images)
		}
		said[i] = map[string]result.Classification{}
		for _, line := range e.Classifications {
			said[i][line.Image] = line
		}
	}
	changed, onlyA, onlyB, explained := 0, 0, 0, 0
	for _, line := range c.ByImage {
		p, q := said[0][line.Image], said[1][line.Image]
		if line.Predicted != [2]string{p.Predicted, q.Predicted} || line.Truth != p.Truth {
			t.Errorf("%s: %v of %s, Evaluate %s, %s of %s", line.Image, line.Predicted, line.Truth, p.Predicted, q.Predicted, p.Truth)
		}
		if p.Predicted != q.Predicted {
			changed++
		}
		switch {
		case p.Correct() && !q.Correct():
			onlyA++
		case q.Correct() && !p.Correct():
			onlyB++
		}
		if line.Explained != "" {
			explained++
		}
	}
	n := len(c.ByImage)
	if n != len(said[0]) || explained != 10 {
		t.Errorf("%d images of %d, %d explained, want 10", n, len(said[0]), explained)
	}
	if got := float64(c.Changed); math.Abs(got-float64(changed)/float64(n)) > 1e-12 || c.McNemar.OnlyAgainst != onlyA || c.McNemar.OnlyThis != onlyB {
		t.Errorf("changed %v, McNemar %+v; want %d of %d, %d and %d", got, c.McNemar, changed, n, onlyA, onlyB)
	}
	if want := float64(onlyB-onlyA) / float64(n); math.Abs(float64(c.Figures[0].Difference)-want) > 1e-12 || !(float64(c.Figures[0].Low) <= want && want <= float64(c.Figures[0].High)) {
		t.Errorf("accuracy %+v, want a difference of %v", c.Figures[0], want)
	}
	if len(c.Shown) != 10 { // all that were explained
		t.Errorf("%d images shown", len(c.Shown))
	}
	for _, shown := range c.Shown {
		for _, file := range shown.Overlays {
			if !paths.Exists(filepath.Join(out, file)) {
				t.Errorf("no overlay %s", file)
			}
		}
	}
	read, err := result.ReadComparison(out)
	if err != nil || len(read.ByImage) != n {
		t.Errorf("read %v, %v", read, err)
	}
	if len(c.Notes) == 0 {
		t.Error("no note that the models were trained on the images")
	}
}

// Classes are matched by name, in any order and Unicode form.
func TestCompareClasses(t *testing.T) {
	models := [2]string{"a", "b"}
	got, err := sameClasses(models, []string{"café", "tin"}, []string{"tin", "cafe\u0301"})
	if err != nil || got[0] != 1 || got[1] != 0 {
		t.Errorf("%v, %v", got, err)
	}
	for _, other := range [][]string{{"tin"}, {"tin", "can"}, {"tin", "café", "can"}} {
		if _, err := sameClasses(models, []string{"café", "tin"}, other); err == nil {
			t.Errorf("%v passed", other)
		}
	}
}
