package pipeline

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oscar/internal/checksum"
	"oscar/run"
)

// A finished run that is lengthened ends with the bits of one that was as long
// from the beginning.
func TestLengthened(t *testing.T) {
	e := tiny()
	e.Training.Epochs = 3
	short, err := train(t, TrainOptions{Experiment: e})
	if err != nil {
		t.Fatal(err)
	}
	if names, err := (checkpoints{short.Path(checkpointsDir)}).list("step-"); err != nil || len(names) != 1 {
		t.Errorf("a finished run keeps %v, %v", names, err)
	}
	for _, test := range []struct {
		epochs int
		want   string
	}{
		{2, fmt.Sprintf("epochs is 2, and %s has trained 3; want more", short.Dir)},
		{-1, "epochs is -1, want 1 or more"},
	} {
		before := tree(t, short.Dir)
		_, err := Resume(t.Context(), ResumeOptions{Run: short.Dir, Epochs: test.epochs, Machine: oneThread})
		wantError(t, err, test.want)
		if after := tree(t, short.Dir); len(after) != len(before) || after[run.ExperimentFile] != before[run.ExperimentFile] {
			t.Error("the refusal changed the run")
		}
	}
	n := &notes{}
	if _, err := Resume(t.Context(), ResumeOptions{Run: short.Dir, Epochs: 5, Machine: oneThread, Listener: n.listener()}); err != nil {
		t.Fatal(err)
	}
	n.want(t, "training.epochs is 5, and was 3 until step 27")
	sameRun(t, short.Dir, trained(t).Dir)
}

// A call that fails before it trains leaves the number of epochs as it was.
func TestLengthenedInVain(t *testing.T) {
	e := tiny()
	e.Training.Epochs = 1
	images := copyDir(t, shapes(t))
	r, err := train(t, TrainOptions{Data: images, Experiment: e})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(images, images+"-moved"); err != nil {
		t.Fatal(err)
	}
	before := tree(t, r.Dir)
	for _, data := range []string{"", images, t.TempDir()} {
		if _, err := Resume(t.Context(), ResumeOptions{Run: r.Dir, Data: data, Epochs: 4, Machine: oneThread}); err == nil {
			t.Errorf("%q: no error", data)
		}
		if after := tree(t, r.Dir); !maps.Equal(before, after) {
			t.Errorf("%q: the run was changed", data)
		}
	}
}

// Images that were moved are found by DATA, if they are the same.
func TestMovedImages(t *testing.T) {
	dir := interrupt(t, TrainOptions{Data: copyDir(t, shapes(t)), Experiment: tiny()}, 3)
	r, err := OpenRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(r.Images(), moved); err != nil {
		t.Fatal(err)
	}
	// Every verb that reads the split says so, before any other note.
	absent := fmt.Sprintf("the folder of the run's images, %s, does not exist; if it was moved to DATA: oscar train DATA --resume %s", r.Images(), dir)
	n := &notes{}
	_, err = Resume(t.Context(), ResumeOptions{Run: dir, Machine: oneThread, Listener: n.listener()})
	wantError(t, err, absent)
	for _, line := range n.lines {
		if strings.Contains(line, "left out") {
			t.Error(line)
		}
	}
	lost := filepath.Join(moved, filepath.FromSlash(r.Split.Test[0].Path))
	b, err := os.ReadFile(lost)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []func() error{
		func() error { return os.Remove(lost) },
		func() error { return os.WriteFile(lost, append(b, 0), 0o666) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		_, err = Resume(t.Context(), ResumeOptions{Run: dir, Data: moved, Machine: oneThread})
		wantError(t, err, fmt.Sprintf("1 of the run's 48 images are missing or changed in %s, the first is %s", moved, r.Split.Test[0].Path))
	}
	if err := os.WriteFile(lost, b, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Resume(t.Context(), ResumeOptions{Run: dir, Data: moved, Machine: oneThread}); err != nil {
		t.Fatal(err)
	}
	sameRun(t, dir, trained(t).Dir)

	again := moved + " again"
	if err := os.Rename(moved, again); err != nil {
		t.Fatal(err)
	}
	absent = strings.Replace(absent, r.Images(), moved, 1)
	out := filepath.Join(t.TempDir(), "out")
	for verb, call := range map[string]func() error{
		"evaluate": func() error {
			_, err := Evaluate(t.Context(), EvaluateOptions{Model: dir, Part: "test", Machine: oneThread})
			return err
		},
		"audit": func() error {
			_, err := Audit(t.Context(), AuditOptions{Model: dir, Part: "test", Out: out, Method: "gradcam", Machine: oneThread})
			return err
		},
	} {
		if err := call(); err == nil || err.Error() != absent {
			t.Errorf("%s: %v", verb, err)
		}
	}
	// A finished run can be told, too.
	if _, err := Resume(t.Context(), ResumeOptions{Run: dir, Data: again, Machine: oneThread}); err != nil {
		t.Fatal(err)
	}
	if _, err := Evaluate(t.Context(), EvaluateOptions{Model: dir, Part: "test", Machine: oneThread}); err != nil {
		t.Error(err)
	}
}

// An experiment that was edited in the middle of a run is refused, unless the
// steps so far do not depend on the key.
func TestEditedExperiment(t *testing.T) {
	dir := interrupt(t, TrainOptions{Experiment: tiny()}, 3)
	for _, test := range []struct{ was, is, want string }{
		{`"learning_rate": 0.001`, `"learning_rate": 0.5`, "training.learning_rate is 0.5, and the run was trained with 0.001 until step 3"},
		{`"seed": 1`, `"seed": 2`, "seed is 2, and the run was trained with 1 until step 3"},
		{`"batch": 4`, `"batch": 5`, "training.batch is 5, and the run was trained with 4 until step 3"},
		{`"filters": 8`, `"filters": 9`, "architecture.layers.conv1.filters is 9, and the run was trained with 8 until step 3"},
	} {
		edited := copyDir(t, dir)
		path := filepath.Join(edited, run.ExperimentFile)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(string(b), test.was, test.is, 1)
		if text == string(b) {
			t.Fatalf("there is no %s in %s", test.was, b)
		}
		write(t, path, text)
		_, err = Resume(t.Context(), ResumeOptions{Run: edited, Machine: oneThread})
		want := path + ": " + test.want + "; put it back, or train a new run"
		wantError(t, err, want)

		// Nor is it a model of these settings if its checksum is recorded, or if there is none.
		for _, record := range []func() error{
			func() error { return checksum.Update(edited, run.ExperimentFile) },
			func() error { return os.Remove(filepath.Join(edited, checksum.File)) },
		} {
			if err := record(); err != nil {
				t.Fatal(err)
			}
			_, err = OpenRun(edited)
			wantError(t, err, want)
		}
	}
}

// Lost weights of the best epoch are reported before anything is trained, or made
// again where that is possible.
func TestBestWeightsLost(t *testing.T) {
	dir := interrupt(t, TrainOptions{Experiment: tiny()}, afterEpoch+1)
	lost := filepath.Join(dir, checkpointsDir, bestName(1))
	if err := os.RemoveAll(lost); err != nil {
		t.Fatal(err)
	}
	resume(t, dir, Listener{})
	sameRun(t, dir, trained(t).Dir)

	dir = interrupt(t, TrainOptions{Experiment: tiny()}, 12)
	lost = filepath.Join(dir, checkpointsDir, bestName(1))
	if err := errors.Join(os.RemoveAll(lost), os.RemoveAll(filepath.Join(dir, checkpointsDir, "step-0000009"))); err != nil {
		t.Fatal(err)
	}
	steps := 0
	_, err := Resume(t.Context(), ResumeOptions{Run: dir, Machine: oneThread, Listener: Listener{OnStep: func(StepInfo) { steps++ }}})
	wantError(t, err, filepath.Join(dir, checkpointsDir)+" has lost best-0001, the weights of the best epoch; no checkpoint is whole at the end of an epoch; put it back")
	if steps > 0 {
		t.Errorf("%d steps were trained", steps)
	}
}
