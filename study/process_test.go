package study

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oscar/internal/paths"
	"oscar/pipeline"
	"oscar/result"
)

// A process that is killed is a row; the others go on, with the bits that one
// process would have given, and a peak of memory of their own.
func TestProcesses(t *testing.T) {
	o := options(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o.Command = []string{self}
	o.Study.Seeds = []uint64{1}
	o.Study.Variants = append(o.Study.Variants,
		Variant{Name: "killed", Without: []string{"relu"}},
		Variant{Name: "diverges", Training: keys{"learning_rate": 1e30}})
	t.Setenv("OSCAR_TEST_KILL", "killed")
	res, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"baseline": "", "no-norm": "", "killed": "seed 1: its process was killed, perhaps by the system for lack of memory", "diverges": "seed 1: the loss is ",
	} {
		if v := res.Variant(name); !strings.HasPrefix(v.Reason, want) || (v.Reason == "") != (want == "") || (v.Status == result.Done) != (want == "") {
			t.Errorf("%s: %s, %s; want %q", name, v.Status, v.Reason, want)
		}
	}
	if a, b := res.Variant("baseline").Figures["peak_memory"].Mean, res.Variant("no-norm").Figures["peak_memory"].Mean; !(a > 50e6 && b > 50e6) {
		t.Errorf("peaks of memory %v, %v", a, b)
	}

	alone := o
	alone.Command, alone.Out = nil, o.Out+"-alone"
	alone.Study.Variants = o.Study.Variants[:2]
	if _, err := Run(t.Context(), alone); err != nil {
		t.Fatal(err)
	}
	const weights = "runs/baseline-1/saved_model/variables/variables.data-00000-of-00001"
	a, b := contents(t, o.Out, "saved_model"), contents(t, alone.Out, "saved_model")
	if a[weights] == "" || a[weights] != b[weights] {
		t.Error("the weights are not those of one process")
	}

	t.Setenv("OSCAR_TEST_KILL", "")
	if res, err = Run(t.Context(), o); err != nil || res.Variant("killed").Status != result.Done {
		t.Errorf("again: %v", err)
	}
}

// A full disk stops the study: it is no property of a variant. The same call
// resumes.
func TestDiskFull(t *testing.T) {
	o := options(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o.Command = []string{self}
	o.Study.Seeds = []uint64{1}
	t.Setenv("OSCAR_TEST_FULL", "no-norm")
	res, err := Run(t.Context(), o)
	dir := filepath.Join(o.Out, "runs", "no-norm-1")
	wantError(t, err, "no-norm, seed 1: write "+dir+": no space left on device; make room, the same command resumes where it stopped")
	if res != nil || paths.Exists(filepath.Join(o.Out, result.File)) {
		t.Errorf("there is a result: %+v", res)
	}
	t.Setenv("OSCAR_TEST_FULL", "")
	if res, err := Run(t.Context(), o); err != nil || res.Variant("no-norm").Status != result.Done {
		t.Errorf("with room: %v", err)
	}
}

// A study that is told to stop tells its process, which saves.
func TestProcessStops(t *testing.T) {
	o := options(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o.Command = []string{self}
	o.Study.Base["training"].(keys)["epochs"] = 100000
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	o.Listener.Progress = func(p Progress) {
		if p.Epoch > 1 {
			cancel()
		}
	}
	_, err = Run(ctx, o)
	if !errors.Is(err, pipeline.ErrInterrupted) {
		t.Errorf("error %v", err)
	}
	saved, err := filepath.Glob(filepath.Join(o.Out, "runs", "baseline-1", "checkpoints", "step-*"))
	if err != nil || len(saved) == 0 {
		t.Errorf("nothing is saved: %v", err)
	}
	run := mustOpen(t, filepath.Join(o.Out, "runs", "baseline-1"))
	if m, err := run.Metrics(); err != nil || len(m) < 1 {
		t.Errorf("%d epochs, %v", len(m), err)
	}
}
