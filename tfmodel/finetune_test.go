package tfmodel

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/internal/graph"
	"oscar/internal/npy"
	"oscar/internal/testkit"
	"oscar/savedmodel"
	"oscar/savedmodel/foreign"
)

// chain is a network without batch normalization and dropout, which are the same in
// training and in inference.
func chain(classes int) Architecture {
	return Architecture{Name: "chain", Input: Shape{16, 16, 3}, Layers: []Named{
		{"rescale", &Rescaling{Scale: 1. / 127.5, Offset: -1}},
		{"conv1", &Conv2D{Filters: 6, Kernel: 3, Stride: 2, Padding: Same}},
		{"relu1", &ReLU{}},
		{"conv2", &Conv2D{Filters: 8, Kernel: 3, Stride: 2, Padding: Same}},
		{"relu2", &ReLU{}},
		{"pool", &GlobalAveragePool2D{}},
		{"head", &Dense{Units: classes}},
	}}
}

// exported writes a network with its initial weights as a SavedModel and returns its body.
func exported(t *testing.T, a Architecture) *savedmodel.Body {
	t.Helper()
	trainer := newTrainer(t, a, 5)
	prefix := filepath.Join(t.TempDir(), "weights")
	if err := trainer.SaveWeights(t.Context(), prefix); err != nil {
		t.Fatal(err)
	}
	return exportedWith(t, a, prefix)
}

// exportedWith is exported with the weights of a bundle.
func exportedWith(t *testing.T, a Architecture, prefix string) *savedmodel.Body {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "model")
	n, err := Compile(a)
	if err != nil {
		t.Fatal(err)
	}
	session, err := n.Restore(t.Context(), prefix, graph.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	layers, err := n.Layers()
	if err != nil {
		t.Fatal(err)
	}
	classes, _ := a.Classes()
	meta := savedmodel.Metadata{Format: 1, Model: a.Name, Layers: layers, Explain: a.Focus(), Image: savedmodel.Image{Height: a.Input[0], Width: a.Input[1]}}
	for i := range classes {
		meta.Classes = append(meta.Classes, string(rune('a'+i)))
	}
	if err := savedmodel.Write(t.Context(), dir, n.SavedModel(session, map[string]savedmodel.Signature{"serve": n.Serving()}, meta)); err != nil {
		t.Fatal(err)
	}
	return open(t, dir)
}

func open(t *testing.T, dir string) *savedmodel.Body {
	t.Helper()
	body, err := savedmodel.OpenBody(dir)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func importArchitecture(t *testing.T, body *savedmodel.Body, classes int, o Tuning) Architecture {
	t.Helper()
	a, err := ImportArchitecture(body, classes, o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// An imported network learns what the same network of oscar's own layers learns.
func TestFineTuningEqualsTraining(t *testing.T) {
	body := exported(t, chain(5))
	adam, loss := DefaultAdam(), Loss{LabelSmoothing: 0.1}
	adam.WeightDecay = 0.1
	make := func(a Architecture) *Trainer {
		trainer, err := NewTrainer(a, Training{Optimizer: adam, Loss: loss}, 9, graph.Config{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { trainer.Close() })
		if err := trainer.Init(t.Context()); err != nil {
			t.Fatal(err)
		}
		return trainer
	}
	tuned, own := make(importArchitecture(t, body, 3, Tuning{})), make(chain(3))
	prefix := filepath.Join(t.TempDir(), "weights")
	if err := tuned.SaveWeights(t.Context(), prefix); err != nil {
		t.Fatal(err)
	}
	if err := own.RestoreWeights(t.Context(), prefix); err != nil {
		t.Fatal(err)
	}
	for step := range 5 {
		b := toy(8, chain(3), 3, uint64(step))
		got, correct := learn(t, tuned, b, step, 1e-3)
		want, wanted := learn(t, own, b, step, 1e-3)
		if math.Abs(got-want) > 1e-6*want || correct != wanted {
			t.Errorf("step %d: loss %g, %d right; own layers have %g, %d", step, got, correct, want, wanted)
		}
	}
	for name, want := range weights(t, own) {
		for i, got := range weights(t, tuned)[name] {
			if math.Abs(float64(got-want[i])) > 1e-5 {
				t.Fatalf("%s[%d] is %g, own layers have %g", name, i, got, want[i])
			}
		}
	}
}

// What is frozen keeps its bits, as do moving averages; all else moves.
func TestFrozenVariables(t *testing.T) {
	body := exported(t, Tiny(5))
	for _, test := range []struct {
		freeze []string
		frozen []string
	}{
		{nil, []string{"bn1/moving_mean", "bn1/moving_variance"}},
		{[]string{"conv1"}, []string{"conv1/kernel", "conv1/bias", "bn1/moving_mean", "bn1/moving_variance"}},
		{[]string{"bn1/gamma", "conv*/bias"}, []string{"bn1/gamma", "conv1/bias", "conv5/bias", "bn1/moving_mean", "bn1/moving_variance"}},
	} {
		trainer := newTrainer(t, importArchitecture(t, body, 3, Tuning{Freeze: test.freeze}), 1)
		before := weights(t, trainer)
		for step := range 3 {
			learn(t, trainer, toy(8, Tiny(3), 3, uint64(step)), step, 1e-2)
		}
		for name, after := range weights(t, trainer) {
			if same := slices.Equal(before[name], after); same != slices.Contains(test.frozen, name) {
				t.Errorf("freeze %q: %s is the same: %v", test.freeze, name, same)
			}
		}
	}
}

// Layers without a gradient are neither explained by default nor trained: a model without another
// layer has none to explain.
func TestImportWithoutGradients(t *testing.T) {
	const why = "oscar knows no right gradient of ImageProjectiveTransformV3 (rotate)"
	for _, test := range []struct {
		blocked, freeze []string
		focus, err      string
	}{
		{blocked: nil, focus: "relu2"},
		{blocked: []string{"rescale"}, focus: "relu2"},
		{blocked: []string{"rescale", "conv1"}, err: "conv1"},
		{blocked: []string{"rescale", "conv1", "relu1"}, freeze: []string{"conv1"}, focus: "relu2"},
		{blocked: []string{"conv2", "relu2"}, freeze: []string{"*"}, focus: "relu1"},
		{blocked: []string{"rescale", "conv1", "relu1", "conv2", "relu2"}, freeze: []string{"*"}, focus: ""},
	} {
		body := exported(t, chain(5))
		body.Metadata.Origin = &savedmodel.Origin{NoGradient: map[string]string{}}
		for _, l := range test.blocked {
			body.Metadata.Origin.NoGradient[l] = why
		}
		a, err := ImportArchitecture(body, 3, Tuning{Freeze: test.freeze})
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), "layer "+test.err) || !strings.Contains(err.Error(), why) {
				t.Errorf("blocked %q, frozen %q: %v", test.blocked, test.freeze, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		var read Architecture
		if err := json.Unmarshal(text, &read); err != nil {
			t.Fatal(err)
		}
		for _, a := range []Architecture{a, read} {
			if got := a.Focus(); got != test.focus {
				t.Errorf("blocked %q, frozen %q: explains %q by default, want %q", test.blocked, test.freeze, got, test.focus)
			}
		}
	}
}

// Adam's first step moves a weight by its learning rate.
func TestLayerDecay(t *testing.T) {
	body := exported(t, chain(5))
	trainer := newTrainer(t, importArchitecture(t, body, 3, Tuning{Decay: 0.5}), 1)
	before := weights(t, trainer)
	const rate = 1e-2
	learn(t, trainer, toy(8, chain(3), 3, 0), 0, rate)
	for name, share := range map[string]float64{"head/kernel": 1, "conv2/kernel": 0.5, "conv1/kernel": 0.25} {
		furthest := 0.0
		for i, after := range weights(t, trainer)[name] {
			furthest = max(furthest, math.Abs(float64(after-before[name][i])))
		}
		if math.Abs(furthest-rate*share) > 1e-3*rate {
			t.Errorf("%s moved by %g, want %g", name, furthest, rate*share)
		}
	}
}

// The head learns the same from features as from images, if all else is frozen.
func TestHeadOnFeatures(t *testing.T) {
	body := exported(t, Tiny(5))
	a := importArchitecture(t, body, 3, Tuning{Freeze: []string{"*"}})
	if !a.HeadOnly() {
		t.Fatal("not all is frozen")
	}
	whole, head := newTrainer(t, a, 4), newTrainer(t, a, 4)
	before := weights(t, head)
	for step := range 3 {
		b := toy(8, Tiny(3), 3, uint64(step))
		want, _ := learn(t, whole, b, step, 1e-2)
		wantP, wantEach, err := whole.Evaluate(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		if b.Features, err = head.Features(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		b.Images = nil
		got, _ := learn(t, head, b, step, 1e-2)
		p, each, err := head.Evaluate(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(got-want) > 1e-6 || math.Abs(float64(p[0][0]-wantP[0][0])) > 1e-6 || math.Abs(float64(each[1]-wantEach[1])) > 1e-5 {
			t.Errorf("step %d: loss %g, %g on images; %v, %v; %v, %v", step, got, want, p[0], wantP[0], each[1], wantEach[1])
		}
	}
	for name, after := range weights(t, head) {
		if same := slices.Equal(before[name], after); same == strings.HasPrefix(name, "head/") {
			t.Errorf("%s is the same: %v", name, same)
		}
	}
}

// The settings that no model has are refused.
func TestImportRefusals(t *testing.T) {
	body := exported(t, chain(5))
	for pattern, want := range map[string]string{
		"stem*": `freeze "stem*" fits no variable; have layers conv1, conv2`,
		"[":     `freeze "[" is not a pattern: syntax error in pattern`,
		"":      "freeze has an empty pattern; want one such as stem*, or * for all",
	} {
		if _, err := ImportArchitecture(body, 3, Tuning{Freeze: []string{pattern}}); err == nil || err.Error() != want {
			t.Errorf("freeze %q: %v\nwant %s", pattern, err, want)
		}
	}
	a := importArchitecture(t, body, 3, Tuning{})
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	var read Architecture // without the graph
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	if _, err := Compile(read); err == nil || !strings.Contains(err.Error(), "was imported with another model's graph, which is missing") {
		t.Errorf("compiled without the graph: %v", err)
	}
	if n, err := Compile(read.WithBody(body)); err != nil {
		t.Error(err)
	} else if _, err := n.GuidedBackprop(); err == nil || !strings.Contains(err.Error(), "it was imported with another model's graph") {
		t.Errorf("guided backpropagation: %v", err)
	}
}

// A Keras model that is adopted learns what it learns in Keras: the last layer new, batch
// normalization in inference mode, AdamW.
func TestFineTuningEqualsKeras(t *testing.T) {
	packages := os.Getenv("OSCAR_PYTHON_TENSORFLOW")
	if packages == "" {
		t.Skip("OSCAR_PYTHON_TENSORFLOW names no Python packages; `make test` sets it")
	}
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	python := func(verb string) {
		t.Helper()
		command := testkit.Python(t.Context(), packages, filepath.Join("testdata", "finetune.py"), verb, folder)
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("finetune.py %s: %v\n%s", verb, err, output[max(0, len(output)-4000):])
		}
	}
	python("export")
	if _, err := foreign.Adopt(t.Context(), at("export"), at("adopted"), foreign.Options{}); err != nil {
		t.Fatal(err)
	}
	a := importArchitecture(t, open(t, at("adopted")), 3, Tuning{Freeze: []string{"stem*"}})
	adam := DefaultAdam()
	adam.WeightDecay = 0.1
	trainer, err := NewTrainer(a, Training{Optimizer: adam, Loss: Loss{LabelSmoothing: 0.1}}, 2, graph.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	if err := trainer.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := weights(t, trainer)
	const steps, batch = 4, 8
	var images, labels, losses []float32
	for step := range steps {
		b := toy(batch, a, 3, uint64(step))
		for _, v := range b.Images {
			images = append(images, float32(v))
		}
		for _, c := range b.Labels {
			labels = append(labels, float32(c))
		}
		loss, _ := learn(t, trainer, b, step, 1e-3)
		losses = append(losses, float32(loss))
	}
	write := func(name string, shape []int, values []float32) {
		t.Helper()
		if err := npy.Write(at(name+".npy"), shape, values); err != nil {
			t.Fatal(err)
		}
	}
	width := len(before["head/kernel"]) / 3
	write("images", append([]int{steps, batch}, a.Input...), images)
	write("labels", []int{steps, batch}, labels)
	write("kernel", []int{width, 3}, before["head/kernel"])
	python("train")
	read := func(name string) []float32 {
		t.Helper()
		_, values, err := npy.Read(at(name + ".npy"))
		if err != nil {
			t.Fatal(err)
		}
		return values
	}
	for i, want := range read("losses") {
		if math.Abs(float64(losses[i]-want)) > 1e-4*float64(want) {
			t.Errorf("the loss of step %d is %g, Keras's %g", i, losses[i], want)
		}
	}
	moved := 0
	for name, got := range weights(t, trainer) {
		theirs := at("out/" + strings.TrimSuffix(name, "_1") + ".npy")
		_, want, err := npy.Read(theirs)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if far := strayed(before[name], got, want); far > 0.05 {
			t.Errorf("%s strays by %g of the way that it went in Keras", name, far)
		}
		if !slices.Equal(before[name], want) {
			moved++
		}
	}
	if moved < 8 {
		t.Errorf("only %d variables moved in Keras", moved)
	}
}
