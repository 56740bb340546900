package pipeline

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/experiment"
	"oscar/explain"
	"oscar/tfmodel"
)

// tuningWeights is a training of 3 epochs of 9 steps of tiny with the weights of a run of it.
func tuningWeights(t *testing.T) experiment.Experiment {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	e := tiny()
	e.FineTune = &experiment.FineTune{Weights: trained(t).Dir, Freeze: []string{"conv1"}, HeadEpochs: 1, LayerDecay: 0.7}
	e.Training.Epochs = 3
	return e
}

// A run with weights is a run as any other, of oscar's own layers: it has relevance
// propagation, and ends with the same bits wherever it is stopped.
func TestTrainWithWeights(t *testing.T) {
	e := tuningWeights(t)
	n := &notes{}
	r, err := train(t, TrainOptions{Experiment: e, Listener: n.listener()})
	if err != nil {
		t.Fatal(err)
	}
	n.want(t, "a new layer replaces fc3/kernel, fc3/bias")
	for _, step := range []int{3, 11} {
		t.Run(fmt.Sprint("stopped at step ", step), func(t *testing.T) {
			if step == 3 { // features are computed anew
				t.Setenv("XDG_CACHE_HOME", t.TempDir())
			}
			dir := interrupt(t, TrainOptions{Experiment: e}, step)
			resume(t, dir, Listener{})
			sameRun(t, dir, r.Dir)
		})
	}
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
	if after.Metadata.Origin != nil {
		t.Errorf("the origin is %+v", after.Metadata.Origin)
	}
	names := []string{"conv1/kernel", "bn1/moving_mean", "conv5/kernel", "fc3/kernel"}
	old, err := before.Read(t.Context(), names...)
	if err != nil {
		t.Fatal(err)
	}
	values, err := after.Read(t.Context(), names...)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		if frozen := i < 2; slices.Equal(old[name], values[name]) != frozen {
			t.Errorf("%s is frozen: %v; it was trained or was not", name, frozen)
		}
	}
	settings := DefaultSettings()
	settings.Method = "lrp,guidedbackprop,gradcam"
	summary, err := Explain(t.Context(), ExplainOptions{
		Model: r.Dir, Paths: []string{filepath.Join(r.Images(), "box")}, Out: filepath.Join(t.TempDir(), "explained"),
		Settings: settings, Machine: oneThread,
	})
	if err != nil || summary.Rows == 0 || summary.Statuses["ok"] != summary.Rows {
		t.Errorf("explained: %+v, %v", summary, err)
	}
}

func TestTrainWithWeightsRefusals(t *testing.T) {
	e := tuningWeights(t)
	for want, change := range map[string]func(*experiment.Experiment, *experiment.FineTune){
		`freeze "stem*" fits no variable; have layers conv1, bn1, conv5, fc1`: func(_ *experiment.Experiment, f *experiment.FineTune) { f.Freeze = []string{"stem*"} },
		"no such file":          func(_ *experiment.Experiment, f *experiment.FineTune) { f.Weights = filepath.Join(t.TempDir(), "none") },
		"both from and weights": func(_ *experiment.Experiment, f *experiment.FineTune) { f.From = trained(t).Dir },
		"variables without a tensor, of oscar's names: conv1_1/kernel (conv1_1/kernel), conv1_1/bias": func(e *experiment.Experiment, f *experiment.FineTune) {
			f.Freeze, e.Architecture = nil, tfmodel.Architecture{Name: "vgg11"}
		},
	} {
		changed, f := e, *e.FineTune
		changed.FineTune = &f
		change(&changed, &f)
		out := filepath.Join(t.TempDir(), "run")
		if _, err := train(t, TrainOptions{Experiment: changed, Out: out}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
		if left := tree(t, filepath.Dir(out)); len(left) > 0 {
			t.Errorf("%s: left %v", want, slices.Sorted(maps.Keys(left)))
		}
	}
}

// A model made of weights alone answers as the network that they are of, and is explained.
func TestExportWeights(t *testing.T) {
	from := trained(t)
	before, err := Open(from.Dir, oneThread.Config(0))
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	images := explain.Images{N: 1, Height: 32, Width: 32, Channels: 3}
	for i := range 32 * 32 * 3 {
		images.Pixels = append(images.Pixels, float32(i*37%256))
	}
	want, err := before.Predict(t.Context(), images)
	if err != nil {
		t.Fatal(err)
	}
	for _, frozen := range []bool{false, true} {
		o := ExportOptions{Architecture: "tiny", Weights: from.Dir, Out: filepath.Join(t.TempDir(), "model"), Frozen: frozen, Explain: []string{"gradcam", "lrp"}, Threads: oneThread.Threads}
		if !frozen {
			o.Classes = []string{"a", "b", "c", "d", "e", "f"}[:len(before.Metadata.Classes)]
		}
		if err := Export(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		after, err := Open(o.Out, oneThread.Config(0))
		if err != nil {
			t.Fatal(err)
		}
		defer after.Close()
		if name := after.Metadata.Classes[1]; name != map[bool]string{false: "b", true: "1"}[frozen] || after.Metadata.Explain != before.Metadata.Explain {
			t.Errorf("class 1 is %q, explained is %s", name, after.Metadata.Explain)
		}
		got, err := after.Predict(t.Context(), images)
		if err != nil {
			t.Fatal(err)
		}
		for i, logit := range got.Logits[0] {
			if d := logit - want.Logits[0][i]; d > 1e-5 || d < -1e-5 {
				t.Errorf("frozen %v: logit %d is %g, want %g", frozen, i, logit, want.Logits[0][i])
			}
		}
	}
	out := filepath.Join(t.TempDir(), "model")
	for want, o := range map[string]ExportOptions{
		"give both":                    {Weights: from.Dir},
		"give one":                     {Weights: from.Dir, Architecture: "tiny", Model: from.Dir},
		`architecture "tinny" (tiny?)`: {Weights: from.Dir, Architecture: "tinny"},
		"1 names of classes, and":      {Weights: from.Dir, Architecture: "tiny", Classes: []string{"a"}},
		"no such file":                 {Weights: out, Architecture: "tiny"},
		"calibrate the model":          {Weights: from.Dir, Architecture: "tiny", Temperature: "2"},
	} {
		o.Out = out
		if err := Export(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
		if left := tree(t, filepath.Dir(out)); len(left) > 0 {
			t.Errorf("%s: left %v", want, slices.Sorted(maps.Keys(left)))
		}
	}
}
