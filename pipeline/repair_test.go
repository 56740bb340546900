package pipeline

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/dataset"
	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
	"oscar/result"
	"oscar/run"
)

// A power cut may leave a part without one of its pictures: it is made again.
func TestExplainRepairsWhatIsLost(t *testing.T) {
	o := ExplainOptions{Paths: []string{photos(t, 4)}, Out: filepath.Join(t.TempDir(), "out"), Settings: settings()}
	_, rows := explained(t, o)
	whole := tree(t, o.Out)
	if err := os.Remove(filepath.Join(o.Out, rows[0].Overlay)); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(o.Out, rows[len(rows)-1].Map), 0); err != nil {
		t.Fatal(err)
	}
	explained(t, o)
	again := tree(t, o.Out)
	for name, text := range whole {
		if again[name] != text {
			t.Errorf("%s was not repaired", name)
		}
	}
}

// An image that has changed is explained anew.
func TestExplainSeesChangedImages(t *testing.T) {
	dir := photos(t, 3)
	o := ExplainOptions{Paths: []string{dir}, Out: filepath.Join(t.TempDir(), "out"), Settings: settings()}
	_, before := explained(t, o)
	data, err := os.ReadFile(before[len(before)-1].Image)
	if err != nil {
		t.Fatal(err)
	}
	write(t, before[0].Image, string(data))
	_, after := explained(t, o)
	if len(after) != len(before) || after[0].SHA256 != before[len(before)-1].SHA256 {
		t.Errorf("the row still has %s, the image %s", after[0].SHA256, before[len(before)-1].SHA256)
	}
}

// Drawings that a process made and did not list any more are listed by the next one.
func TestDrawingsAreListed(t *testing.T) {
	o := ExplainOptions{Paths: []string{photos(t, 2)}, Out: filepath.Join(t.TempDir(), "out"), Settings: settings()}
	explained(t, o)
	parts, err := partNames(o.Out)
	if err != nil || len(parts) == 0 {
		t.Fatal(parts, err)
	}
	lists := map[string]checksum.List{}
	for _, again := range []func() error{
		func() error { _, err := tryExplain(t, &o); return err },
		func() error { _, err := Draw(t.Context(), DrawOptions{Dir: o.Out, Machine: oneThread}); return err },
	} {
		for _, part := range parts {
			whole, err := checksum.ReadList(o.Out, part)
			if err != nil {
				t.Fatal(err)
			}
			lists[part] = whole
			mapped := slices.DeleteFunc(whole.Names(), func(name string) bool { return strings.HasPrefix(name, overlaysDir) })
			if len(mapped) == len(whole) {
				t.Fatalf("no drawing among %v", mapped)
			}
			if err := errors.Join(checksum.WriteList(o.Out, part, mapped), checksum.Remove(o.Out, checksum.ListName(part))); err != nil {
				t.Fatal(err)
			}
		}
		if err := again(); err != nil {
			t.Fatal(err)
		}
		for _, part := range parts {
			if list, err := checksum.ReadList(o.Out, part); err != nil || !maps.Equal(list, lists[part]) {
				t.Errorf("%s lists %v, %v, want %v", part, list.Names(), err, lists[part].Names())
			}
		}
	}
}

// A signal while the montage is drawn ends the call. It does not leave pictures out.
func TestMontageHeedsTheSignal(t *testing.T) {
	o := ExplainOptions{Paths: []string{photos(t, 2)}, Out: filepath.Join(t.TempDir(), "out"), Settings: settings()}
	_, rows := explained(t, o)
	p, err := newPainter(o.Settings, o.Out)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	shown := newMontage()
	for _, r := range rows {
		shown.consider(r)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if path, err := shown.write(ctx, p); !errors.Is(err, ErrInterrupted) {
		t.Errorf("%s, %v", path, err)
	}
	if err := checksum.CheckAll(o.Out); err != nil {
		t.Error(err)
	}
}

// A listed path that is gone is a row; if all are, the list is wrong.
func TestExplainListedPaths(t *testing.T) {
	dir := photos(t, 2)
	gone := filepath.Join(dir, "can", "gone.png")
	o := ExplainOptions{List: []string{dir, gone}, Out: filepath.Join(t.TempDir(), "out"), Settings: settings()}
	summary, rows := explained(t, o)
	found := false
	for _, r := range rows {
		found = found || r.Image == gone && r.Status == result.Unreadable && strings.Contains(r.Reason, "no such file")
	}
	if !found || len(rows) != 3 || summary.Statuses[result.Unreadable] != 1 {
		t.Errorf("%v of %d rows", summary.Statuses, len(rows))
	}
	o = ExplainOptions{List: []string{gone}, Out: filepath.Join(t.TempDir(), "out"), Settings: settings()}
	_, err := tryExplain(t, &o)
	wantError(t, err, `none of the 1 listed paths exists, the first is "`+gone+`"`)
}

// The test part is read within the limits that the run was trained with.
func TestEvaluateWithTheRunsLimits(t *testing.T) {
	data := t.TempDir()
	if err := os.CopyFS(data, os.DirFS(shapes(t))); err != nil {
		t.Fatal(err)
	}
	long := bytes.Repeat([]byte{0}, int(dataset.DefaultLimits.MaxBytes))
	images, err := filepath.Glob(filepath.Join(data, "*", "*.png"))
	if err != nil || len(images) == 0 {
		t.Fatal(err)
	}
	var can []string
	for _, path := range images {
		if filepath.Base(filepath.Dir(path)) == "can" {
			can = append(can, path)
		}
	}
	for _, path := range can { // one of them is in the test part
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(long); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	e := tiny()
	e.Training.Epochs = 1
	e.Data.MaxBytes = 2 * dataset.DefaultLimits.MaxBytes
	e.Data.Strict = true
	run, err := train(t, TrainOptions{Data: data, Out: filepath.Join(t.TempDir(), "run"), Experiment: e, Machine: oneThread})
	if err != nil {
		t.Fatal(err)
	}
	if got := evaluationOf(t, run.Dir); got.Images != len(run.Split.Test) || got.Unreadable != 0 {
		t.Errorf("%d of %d test images were read", got.Images, len(run.Split.Test))
	}
}

// Results of images that are still there are not swept away by another list.
func TestExplainSparesOtherResults(t *testing.T) {
	dir := photos(t, 6)
	o := ExplainOptions{Paths: []string{dir}, Out: filepath.Join(t.TempDir(), "out"), Settings: settings()}
	_, rows := explained(t, o)
	before := tree(t, o.Out)
	o.Paths = []string{rows[0].Image}
	_, err := tryExplain(t, &o)
	wantError(t, err, o.Out+" holds explanations of other images, as of "+rows[1].Image+"; name those too, or a new folder")
	if !maps.Equal(before, tree(t, o.Out)) {
		t.Error("the folder was changed")
	}
}

// A model of another run is not replaced.
func TestExportSparesOtherRuns(t *testing.T) {
	run := trained(t)
	out := filepath.Join(t.TempDir(), "model")
	if err := Export(t.Context(), ExportOptions{Model: run.Dir, Out: out}); err != nil {
		t.Fatal(err)
	}
	before, another := tree(t, out), ""
	spared := func(o ExportOptions) {
		t.Helper()
		o.Out = out
		wantError(t, Export(t.Context(), o), out+" holds another model (tiny: bottle, box, can, paper, roll, tray); name a new folder")
		if !maps.Equal(before, tree(t, out)) {
			t.Error("the model was changed")
		}
	}
	for seed, rate := range map[uint64]float64{99: run.Experiment.Training.LearningRate, run.Experiment.Seed: 2e-3} { // another split, and the same
		e := tiny()
		e.Training.Epochs, e.Seed, e.Training.LearningRate = 1, seed, rate
		other, err := train(t, TrainOptions{Data: shapes(t), Out: filepath.Join(t.TempDir(), "run"), Experiment: e, Machine: oneThread})
		if err != nil {
			t.Fatal(err)
		}
		err = Export(t.Context(), ExportOptions{Model: other.Dir, Out: other.Model()})
		wantError(t, err, other.Model()+" lies in the run, whose own model is to stay as it is; name a folder outside "+other.Dir)
		spared(ExportOptions{Model: other.Dir})
		another = other.Dir
	}
	// Neither are weights of another program, with the same classes or others.
	weights := ExportOptions{Weights: run.Dir, Architecture: "tiny", Classes: run.Split.Classes}
	spared(weights)
	out = filepath.Join(t.TempDir(), "made")
	weights.Out = out
	for range 2 {
		if err := Export(t.Context(), weights); err != nil {
			t.Fatal(err)
		}
	}
	before = tree(t, out)
	spared(ExportOptions{Model: run.Dir})
	weights.Weights = another
	spared(weights)
}

// Another library or processor may turn the last bits: that is said.
func TestResumeNotesAnotherMachine(t *testing.T) {
	dir := copyDir(t, trained(t).Dir)
	var e result.Environment
	path := filepath.Join(dir, run.EnvironmentFile)
	if err := atomicfile.ReadJSON(path, &e); err != nil {
		t.Fatal(err)
	}
	e.Processor = "an abacus"
	if err := errors.Join(atomicfile.WriteJSON(path, e), checksum.Update(dir, run.EnvironmentFile)); err != nil {
		t.Fatal(err)
	}
	n := &notes{}
	resume(t, dir, n.listener())
	n.want(t, "on an abacus, and continues with TensorFlow")
}
