package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"oscar/internal/atomicfile"
	"oscar/internal/paths"
)

// demo is the way of oscar demo on a small scale.
func demo(t *testing.T, out string) (*DemoResult, error) {
	t.Helper()
	e := tiny()
	e.Training.Epochs = 1
	return Demo(t.Context(), DemoOptions{Out: out, PerClass: 4, Experiment: e, Machine: oneThread})
}

func TestDemo(t *testing.T) {
	t.Chdir(t.TempDir())
	const out = "runs/demo"
	d, err := demo(t, out)
	if err != nil {
		t.Fatal(err)
	}
	if d.Evaluation == nil || d.Evaluation.Images != 6 || d.Summary.Images != 6 || d.Summary.Rows != 6 {
		t.Errorf("%+v %+v", d.Evaluation, d.Summary)
	}
	if d.Images > 0 && !(d.Heat >= 0 && d.Heat <= 1 && d.Area > 0 && d.Area < 1) {
		t.Errorf("%g of the heat on %g of the images", d.Heat, d.Area)
	}
	for _, name := range []string{"saved_model/saved_model.pb", "evaluation.json", "data/images/can/0000.png", "data/masks/can/0000.png", "explanations/manifest.jsonl"} {
		if !paths.Exists(filepath.Join(out, name)) {
			t.Errorf("there is no %s", name)
		}
	}
	first := tree(t, out)

	// A second demo takes the first one's place, and is the same.
	write(t, filepath.Join(out, "mark"), "of the first")
	if _, err := demo(t, out); err != nil {
		t.Fatal(err)
	}
	second := tree(t, out)
	if second["mark"] != "" {
		t.Error("the first demo is still there")
	}
	const data = "saved_model/variables/variables.data-00000-of-00001"
	if first[data] == "" || first[data] != second[data] || first["explanations/manifest.jsonl"] != second["explanations/manifest.jsonl"] {
		t.Error("the second demo is another one")
	}
	entries, err := os.ReadDir("runs")
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the demo there is something left: %v, %v", entries, err)
	}

	// A demo's run is a run like any other, wherever it lies.
	if err := os.Rename(out, "moved"); err != nil {
		t.Fatal(err)
	}
	if e := evaluated(t, EvaluateOptions{Model: "moved", Part: "test"}); e.Loss != d.Evaluation.Loss {
		t.Errorf("loss %g, moved %g", d.Evaluation.Loss, e.Loss)
	}
}

// What is no demo is not replaced.
func TestDemoRefusals(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, "photos/mine.txt", "something")
	run := copyDir(t, trained(t).Dir)
	before := tree(t, dir)
	for out, want := range map[string]string{
		"photos": "photos is not empty; name a new folder",
		run:      run + " holds another run; continue with \"oscar train --resume " + run + "\", or name a new folder",
	} {
		_, err := demo(t, out)
		wantError(t, err, want)
	}
	o := DemoOptions{Out: "new", PerClass: 2, Experiment: tiny()}
	_, err := Demo(t.Context(), o)
	wantError(t, err, "per-class is 2, want at least 3: images to train on, to validate with and to test")
	if !maps.Equal(tree(t, dir), before) {
		t.Error("something was changed")
	}

	// One that is being made is not taken away from its maker.
	if _, err := demo(t, "demo"); err != nil {
		t.Fatal(err)
	}
	held, err := atomicfile.Lock("demo")
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	_, err = demo(t, "demo")
	wantError(t, err, "demo is in use by another oscar")
}

// A demo that is stopped leaves no drawing behind.
func TestDemoInterrupted(t *testing.T) {
	for _, stage := range []string{"drawing the synthetic data set", "reading images", "training", "explaining"} {
		t.Run(stage, func(t *testing.T) {
			t.Chdir(t.TempDir())
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			e := tiny()
			e.Training.Epochs = 1
			o := DemoOptions{Out: "demo", PerClass: 3, Experiment: e, Machine: oneThread}
			o.Listener.OnStage = func(name string) {
				if name == stage {
					cancel()
				}
			}
			if _, err := Demo(ctx, o); !errors.Is(err, ErrInterrupted) {
				t.Fatal(err)
			}
			entries, err := os.ReadDir(".")
			if err != nil {
				t.Fatal(err)
			}
			want := "[]"
			if stage == "training" || stage == "explaining" {
				want = "[d demo/]"
				if _, err := Resume(t.Context(), ResumeOptions{Run: "demo", Machine: oneThread}); err != nil {
					t.Error(err)
				}
			}
			if got := fmt.Sprint(entries); got != want {
				t.Errorf("left: %s, want %s", got, want)
			}
		})
	}
}
