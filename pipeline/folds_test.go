package pipeline

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"oscar/experiment"
	"oscar/internal/paths"
	"oscar/result"
)

// folds is a cross-validation of 3 folds on shapes, 2 epochs each.
func folds(t *testing.T, l Listener) FoldsOptions {
	t.Helper()
	e := tiny()
	e.Training.Epochs = 2
	return FoldsOptions{Folds: 3, TrainOptions: TrainOptions{Data: shapes(t), Out: filepath.Join(t.TempDir(), "folds"), Experiment: e, Machine: oneThread, Listener: l}}
}

// A cross-validation that is stopped in its second run has the same figures as one that
// is not, and repeats nothing.
func TestCrossValidate(t *testing.T) {
	o := folds(t, Listener{})
	want, err := CrossValidate(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	rows := outOfFold(t, o.Out)
	if len(rows) != 48 {
		t.Fatalf("%d predictions of 48 images", len(rows))
	}
	// The figures from the table alone.
	right, images, loss := make([]float64, 3), make([]float64, 3), make([]float64, 3)
	for path, r := range rows {
		k := r.fold - 1
		images[k]++
		best, sum := 0, 0.0
		for i, p := range r.probabilities {
			sum += p
			if p > r.probabilities[best] {
				best = i
			}
			if want.Classes[i] == r.truth {
				loss[k] -= math.Log(p)
			}
		}
		if math.Abs(sum-1) > 1e-5 || want.Classes[best] != r.prediction || !strings.HasPrefix(path, r.truth+"/") {
			t.Errorf("%s: %+v", path, r)
		}
		if r.truth == r.prediction {
			right[k]++
		}
	}
	mean := 0.0
	for k, r := range want.Runs {
		if got := right[k] / images[k]; math.Abs(got-float64(r.Accuracy)) > 1e-9 || int(images[k]) != r.Images {
			t.Errorf("fold %d: accuracy %g on %g images; folds.json has %+v", k+1, got, images[k], r)
		}
		if got := loss[k] / images[k]; math.Abs(got-float64(r.Loss)) > 1e-4*got {
			t.Errorf("fold %d: loss %g; folds.json has %+v", k+1, got, r)
		}
		mean += right[k] / images[k] / 3
	}
	if math.Abs(mean-float64(want.Accuracy.Mean)) > 1e-9 || !(want.Accuracy.Low <= want.Accuracy.Mean) || want.Accuracy.N != 3 {
		t.Errorf("mean accuracy %g; folds.json has %+v", mean, want.Accuracy)
	}
	if want.Together.Images != 48 || want.Together.Confusion.Correct() != int(right[0]+right[1]+right[2]) {
		t.Errorf("together: %+v", want.Together)
	}
	p := reported(t, o.Out)
	p.Want("h1", "3 folds of "+filepath.Base(filepath.Dir(shapes(t))))
	p.Want("h2", "The folds", "All images together")
	p.Want("tr", fmt.Sprintf("1 26 %d %d %.4f %.4f %.4f", want.Runs[0].Images, want.Runs[0].Epoch, want.Runs[0].Accuracy, want.Runs[0].Loss, want.Runs[0].MacroF1))

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	steps := 0
	broken := folds(t, Listener{OnStep: func(StepInfo) {
		if steps++; steps == 17 { // of 14 a run
			stop()
		}
	}})
	if _, err := CrossValidate(ctx, broken); !errors.Is(err, ErrInterrupted) || !strings.Contains(err.Error(), "fold 2 of 3; continue with --resume "+broken.Out) {
		t.Fatalf("stopped: %v", err)
	}
	again := 0
	resumed := ResumeOptions{Run: broken.Out, Machine: oneThread, Listener: Listener{OnStep: func(StepInfo) { again++ }}}
	got, err := ResumeFolds(t.Context(), resumed)
	if err != nil {
		t.Fatal(err)
	}
	if steps+again != 42 {
		t.Errorf("%d steps, then %d; want 42 together", steps, again)
	}
	timeless := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".PerSecond" }, cmp.Ignore())
	if diff := cmp.Diff(want, got, timeless); diff != "" {
		t.Errorf("figures (-undisturbed +stopped):\n%s", diff)
	}
	if diff := cmp.Diff(rows, outOfFold(t, broken.Out), cmp.AllowUnexported(outOfFoldRow{})); diff != "" {
		t.Errorf("predictions (-undisturbed +stopped):\n%s", diff)
	}
	again = 0
	if _, err := ResumeFolds(t.Context(), resumed); err != nil || again != 0 {
		t.Errorf("once more: %v, %d steps", err, again)
	}
	if _, err := CrossValidate(t.Context(), broken); err == nil || err.Error() != broken.Out+" holds another cross-validation; continue with \"oscar train --resume "+broken.Out+"\", or name a new folder" {
		t.Errorf("the same folder again: %v", err)
	}
	if _, err := Open(o.Out, Config{}); err == nil || !strings.Contains(err.Error(), "is a cross-validation, with a model for each fold; name one, as "+o.Out+"/fold-1") {
		t.Errorf("as a model: %v", err)
	}
}

type outOfFoldRow struct {
	truth, prediction string
	fold              int
	probabilities     []float64
}

// outOfFold reads the table of a cross-validation, by path.
func outOfFold(t *testing.T, dir string) map[string]outOfFoldRow {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, result.FoldsTable))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(lines[0], " "); got != "path truth prediction fold probability_bottle probability_box probability_can probability_paper probability_roll probability_tray" {
		t.Errorf("columns %s", got)
	}
	rows := map[string]outOfFoldRow{}
	for _, line := range lines[1:] {
		r := outOfFoldRow{truth: line[1], prediction: line[2]}
		if r.fold, err = strconv.Atoi(line[3]); err != nil {
			t.Error(err)
		}
		for _, text := range line[4:] {
			p, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Error(err)
			}
			r.probabilities = append(r.probabilities, p)
		}
		rows[line[0]] = r
	}
	return rows
}

// A fine-tuned network has folds as any other. What a killed process left is removed.
func TestCrossValidateFineTuned(t *testing.T) {
	o := folds(t, Listener{})
	o.Folds = 2
	o.Experiment = tuning(t)
	o.Experiment.FineTune = &experiment.FineTune{From: trained(t).Dir, Freeze: []string{"*"}}
	o.Experiment.Training.Epochs = 1
	write(t, filepath.Join(o.Out, ".lock"), "")
	write(t, filepath.Join(o.Out, "fold-7", "split.json"), "")
	f, err := CrossValidate(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if f.Together.Images != 48 || paths.Exists(filepath.Join(o.Out, "fold-7")) || paths.Exists(filepath.Join(o.Out, "pretrained")) {
		t.Errorf("%+v", f.Together)
	}
}

func TestCrossValidateRefusals(t *testing.T) {
	for _, test := range []struct {
		change func(*FoldsOptions)
		want   string
	}{
		{func(o *FoldsOptions) { o.Folds = 1 }, "folds is 1, want at least 2"},
		{func(o *FoldsOptions) { o.Folds = 60 }, "48 different images for 60 folds, want at least 60"},
		{func(o *FoldsOptions) { o.Experiment.Training.Epochs = 0 }, "epochs is 0, want at least 1"},
	} {
		o := folds(t, Listener{})
		test.change(&o)
		if _, err := CrossValidate(t.Context(), o); err == nil || err.Error() != test.want {
			t.Errorf("%v\nwant %s", err, test.want)
		}
		if left, err := filepath.Glob(filepath.Join(o.Out, "*")); err != nil || len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	}
	if _, err := ResumeFolds(t.Context(), ResumeOptions{Run: "folds", Epochs: 9}); err == nil || !strings.Contains(err.Error(), "cannot be trained on") {
		t.Errorf("more epochs: %v", err)
	}
}

// Folds that do not differ have no interval, at any value.
func TestEqualFoldsHaveNoInterval(t *testing.T) {
	for _, v := range []float64{0, 1.0 / 6, 0.5, 1} {
		f := overFolds([]float64{v, v, v}, 1)
		if float64(f.Mean) != v || f.Interval != result.None || !math.IsNaN(float64(f.Low)) || !math.IsNaN(float64(f.High)) || f.N != 3 {
			t.Errorf("%g: %+v", v, f)
		}
		if f := overFolds([]float64{v, v, v / 2, 1}, 1); v < 1 && (f.Interval != result.StudentT || !(f.Low <= f.Mean && f.Mean <= f.High) || f.Low < 0 || f.High > 1) {
			t.Errorf("%g and others: %+v", v, f)
		}
	}
}
