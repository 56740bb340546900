package study

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"oscar/internal/atomicfile"
	"oscar/result"
)

// Runs of an older version have no line for each test image. They are evaluated
// again, with the same result.
func withoutClassifications(t *testing.T, o Options, want *result.Study) {
	t.Helper()
	for _, r := range want.Variant("no-norm").Runs {
		path := filepath.Join(o.Out, r.Dir, evaluationFile)
		var e result.Evaluation
		if err := atomicfile.ReadJSON(path, &e); err != nil || len(e.Classifications) != want.Data.Test {
			t.Fatalf("%s: %d classifications, %v; want %d", path, len(e.Classifications), err, want.Data.Test)
		}
		e.Classifications = nil
		if err := atomicfile.WriteJSON(path, e); err != nil {
			t.Fatal(err)
		}
	}
	res, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	a, b := want.Variant("no-norm"), res.Variant("no-norm")
	text := func(v *result.Variant) string { // NaN is unequal to NaN
		return fmt.Sprint(v.Figures["test_accuracy"], v.Figures["test_loss"])
	}
	if !reflect.DeepEqual(a.McNemar, b.McNemar) || text(a) != text(b) {
		t.Errorf("evaluated again: %+v, %+v; want %+v, %+v", b.McNemar, b.Figures["test_loss"], a.McNemar, a.Figures["test_loss"])
	}
}

// A study without a finished run has a result, and fails.
func TestNoRunFinished(t *testing.T) {
	o := options(t)
	o.Study.Base["training"].(keys)["learning_rate"] = 1e30
	res, err := Run(t.Context(), o)
	if err == nil || !strings.HasPrefix(err.Error(), "no run was finished; baseline: seed 1: the loss is ") {
		t.Errorf("error %v", err)
	}
	if again, err := result.Read(o.Out); res == nil || err != nil || again.Variants[1].Status != result.Failed {
		t.Errorf("study.json: %+v, %v", again, err)
	}
}

// A run that is trained to its end and has no finite prediction has failed: in the same call, in
// one that resumes it, and among runs that have not.
func TestRunWithoutAFinitePrediction(t *testing.T) {
	const reason = "none of the 24 test images has a finite prediction: the training diverged; a smaller learning rate may help"
	o := options(t)
	o.Study.Variants, o.Study.Claims = o.Study.Variants[:1], nil
	training := o.Study.Base["training"].(keys)
	training["epochs"], training["batch"], training["learning_rate"] = 1, 64, 1e30 // one step, whose loss is finite
	for range 2 {
		var told []Ran
		o.Listener.Run = func(r Ran) { told = append(told, r) }
		res, err := Run(t.Context(), o)
		wantError(t, err, "no run was finished; baseline: seed 1: "+reason)
		if res == nil || res.Variants[0].Status != result.Failed || res.Variants[0].Runs[0].Reason != reason {
			t.Errorf("result %+v", res)
		}
		if len(told) != 2 || told[0].Failed != reason || told[1].Failed != reason {
			t.Errorf("the listener was told %+v", told)
		}
	}
	o = options(t)
	o.Study.Claims = nil
	o.Study.Variants[1].Without, o.Study.Variants[1].Training = nil, keys{"epochs": 1, "batch": 64, "learning_rate": 1e30}
	res, err := Run(t.Context(), o)
	if err != nil || res.Variants[0].Status != result.Done || res.Variants[1].Status != result.Failed {
		t.Errorf("%s, %s, %v", res.Variants[0].Status, res.Variants[1].Status, err)
	}
}
