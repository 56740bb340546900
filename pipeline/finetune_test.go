package pipeline

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/explain"
	"oscar/run"
	"oscar/savedmodel"
	"oscar/tfmodel"

	"oscar/experiment"
)

// tuning is a training of 3 epochs of 9 steps that starts from the run of tiny. The first
// epoch is the head's.
func tuning(t *testing.T) experiment.Experiment {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	e := tiny()
	e.Architecture = experiment.Default().Architecture
	e.FineTune = &experiment.FineTune{From: trained(t).Dir, Freeze: []string{"conv1"}, HeadEpochs: 1, LayerDecay: 0.7}
	e.Training.Epochs = 3
	return e
}

// A fine-tuned run is a run as any other: it is evaluated, explained, exported, and can be
// started from. It is trained to the same bits if it is stopped anywhere.
func TestFineTune(t *testing.T) {
	e := tuning(t)
	n := &notes{}
	r, err := train(t, TrainOptions{Experiment: e, Machine: Machine{}, Listener: n.listener()})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []int{3, 9, 11, 27} {
		t.Run(fmt.Sprint("stopped at step ", step), func(t *testing.T) {
			if step == 3 { // features are computed anew
				t.Setenv("XDG_CACHE_HOME", t.TempDir())
			}
			dir := interrupt(t, TrainOptions{Experiment: e}, step)
			resume(t, dir, Listener{})
			sameRun(t, dir, r.Dir)
		})
	}
	if kept, err := filepath.Glob(filepath.Join(os.Getenv("XDG_CACHE_HOME"), "oscar", "features", "*.npy")); err != nil || len(kept) != 1 {
		t.Errorf("features are kept in %q, %v; want one file", kept, err)
	}
	evaluation, err := Evaluate(t.Context(), EvaluateOptions{Model: r.Dir, Part: "test", Machine: oneThread})
	if err != nil || evaluation.Images != 6 {
		t.Fatalf("evaluation: %+v, %v", evaluation, err)
	}
	same(t, r)
	again := e
	again.FineTune = &experiment.FineTune{From: r.Model(), Freeze: []string{"*"}}
	second, err := train(t, TrainOptions{Experiment: again})
	if err != nil {
		t.Fatal(err)
	}
	if !second.Experiment.Architecture.HeadOnly() {
		t.Error("not all is frozen")
	}
	metrics, err := second.Metrics()
	if err != nil || len(metrics) != 3 {
		t.Fatalf("%d epochs, %v", len(metrics), err)
	}
	// 3 epochs of a constant rate of the head
	if got := metrics[2].LearningRate; got != 3e-3 {
		t.Errorf("the head's learning rate is %g", got)
	}
}

// same checks the exported model against the run that it started from.
func same(t *testing.T, r *Run) {
	t.Helper()
	before, err := Open(trained(t).Dir, oneThread.Config(0))
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	after, err := Open(r.Dir, oneThread.Config(0))
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	if got, want := after.Metadata.Origin.Kind, "oscar"; got != want {
		t.Errorf("the origin is %q, want %q", got, want)
	}
	names := []string{"conv1/kernel", "conv1/bias", "bn1/moving_mean", "conv5/kernel", "fc1/kernel"}
	old, err := before.Read(t.Context(), names...)
	if err != nil {
		t.Fatal(err)
	}
	values, err := after.Read(t.Context(), names...)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		if frozen := i < 3; slices.Equal(old[name], values[name]) != frozen {
			t.Errorf("%s is frozen: %v; it was trained or was not", name, frozen)
		}
	}
	for _, l := range after.Metadata.Layers {
		if strings.Contains(l.Feature, "fc3") {
			t.Errorf("layer %s is of the old head", l.Name)
		}
	}
	settings := DefaultSettings()
	settings.Method, settings.Class = "gradcam,saliency,hirescam", "true"
	summary, err := Explain(t.Context(), ExplainOptions{
		Model: r.Dir, Paths: []string{filepath.Join(r.Images(), "box")}, Out: filepath.Join(t.TempDir(), "explained"),
		Settings: settings, Machine: oneThread,
	})
	if err != nil || summary.Rows == 0 || summary.Statuses["ok"] != summary.Rows {
		t.Errorf("explained: %+v, %v", summary, err)
	}
	out := filepath.Join(t.TempDir(), "exported")
	if err := Export(t.Context(), ExportOptions{Model: r.Dir, Out: out, Explain: []string{"gradcam", "saliency", "integrated-gradients"}, Threads: oneThread.Threads}); err != nil {
		t.Fatal(err)
	}
	frozen := filepath.Join(t.TempDir(), "frozen")
	if err := Export(t.Context(), ExportOptions{Model: r.Dir, Out: frozen, Frozen: true, Threads: oneThread.Threads}); err != nil {
		t.Fatal(err)
	}
	images := explain.Images{N: 1, Height: 32, Width: 32, Channels: 3}
	for i := range 32 * 32 * 3 {
		images.Pixels = append(images.Pixels, float32(i*37%256))
	}
	want, err := after.Predict(t.Context(), images)
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{out, frozen} {
		b, err := savedmodel.Open(dir, oneThread.Config(0))
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		got, err := b.Predict(t.Context(), images)
		if err != nil {
			t.Fatal(err)
		}
		for i, logit := range got.Logits[0] {
			if d := logit - want.Logits[0][i]; d > 1e-5 || d < -1e-5 {
				t.Errorf("%s: logit %d is %g, want %g", filepath.Base(dir), i, logit, want.Logits[0][i])
			}
		}
	}
	attached, err := tfmodel.Attach(after) // the randomization test's way to the weights
	if err != nil {
		t.Fatal(err)
	}
	if _, err := attached.With(tfmodel.GuidedBackprop()); err == nil || !strings.Contains(err.Error(), "it was imported with another model's graph") {
		t.Errorf("guided backpropagation: %v", err)
	}
}

// What cannot be is said before images are read, and leaves no run.
func TestFineTuneRefusals(t *testing.T) {
	e := tuning(t)
	for want, change := range map[string]func(*experiment.Experiment){
		`freeze "stem*" fits no variable; have layers conv1, bn1, conv5, fc1`: func(e *experiment.Experiment) { e.FineTune.Freeze = []string{"stem*"} },
		"want a run folder or a SavedModel folder":                            func(e *experiment.Experiment) { e.FineTune.From = filepath.Join(t.TempDir(), "none") },
		"stochastic_depth is 0.5, but tiny has no residual blocks":            func(e *experiment.Experiment) { e.Training.StochasticDepth = 0.5 },
		"fine_tune.layer_decay is 2, want 0 to 1":                             func(e *experiment.Experiment) { e.FineTune.LayerDecay = 2 },
		"fine_tune.head_epochs is 4, want 0 to the training's 3":              func(e *experiment.Experiment) { e.FineTune.HeadEpochs = 4 },
		"both architecture.layers and fine_tune.from":                         func(e *experiment.Experiment) { e.Architecture = tfmodel.Tiny(6) },
		"images of 48 x 48 are asked for, and": func(e *experiment.Experiment) {
			e.Architecture.Input = tfmodel.Shape{48, 48, 3}
		},
		`tiny: no layer with a map "relu9"`: func(e *experiment.Experiment) { e.Explain = "relu9" },
	} {
		changed := e
		f := *e.FineTune
		changed.FineTune = &f
		change(&changed)
		out := filepath.Join(t.TempDir(), "run")
		if _, err := train(t, TrainOptions{Experiment: changed, Out: out}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nwant %s", err, want)
		}
		if left := tree(t, filepath.Dir(out)); len(left) > 0 {
			t.Errorf("%s: left %v", want, slices.Sorted(maps.Keys(left)))
		}
	}
	// A run without the model that it starts from says so.
	dir := interrupt(t, TrainOptions{Experiment: e}, 2)
	if err := os.RemoveAll(filepath.Join(dir, run.PretrainedDir)); err != nil {
		t.Fatal(err)
	}
	if _, err := Resume(t.Context(), ResumeOptions{Run: dir, Machine: oneThread}); err == nil || !strings.Contains(err.Error(), "the model that the run starts from") {
		t.Errorf("without its model: %v", err)
	}
}
