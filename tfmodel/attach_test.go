package tfmodel

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"oscar/explain"
	"oscar/internal/graph"
)

// trainedTiny is [trained] tiny.
func trainedTiny(t *testing.T) (variables *Network, s *graph.Session, constants *Network) {
	t.Helper()
	return trained(t, Tiny(4))
}

// trained is a network of four classes after a few steps, with a session for
// its variables, and once more with constants in their place.
func trained(t *testing.T, a Architecture) (variables *Network, s *graph.Session, constants *Network) {
	t.Helper()
	trainer := newTrainer(t, a, 1)
	for i := range 12 {
		learn(t, trainer, toy(8, a, 4, uint64(i)), i, 3e-3)
	}
	prefix := filepath.Join(t.TempDir(), "weights")
	if err := trainer.Save(t.Context(), prefix); err != nil {
		t.Fatal(err)
	}
	n, err := Compile(a)
	if err != nil {
		t.Fatal(err)
	}
	if s, err = n.Restore(t.Context(), prefix, graph.Config{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	values, err := n.Values(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if constants, err = CompileFrozen(a, values); err != nil {
		t.Fatal(err)
	}
	return n, s, constants
}

func tinyImages(n int) explain.Images { return toyImages(n, Tiny(4)) }

func toyImages(n int, a Architecture) explain.Images {
	b := toy(n, a, 4, 99)
	images := explain.Images{N: n, Height: a.Input[0], Width: a.Input[1], Channels: 3}
	for _, p := range b.Images {
		images.Pixels = append(images.Pixels, float32(p))
	}
	return images
}

// What rules make of an opened model, be its weights variables or constants,
// is one thing; and the plain gradient by rules is TensorFlow's.
func TestAttachedModels(t *testing.T) {
	for _, test := range []struct {
		a      Architecture
		layers []string
	}{
		{Tiny(4), []string{"conv1", "bn1", "conv5", "pool5"}},
		{branched(4), []string{"scale", "relu1", "block1/conv1", "block1/bn2", "block1", "block2/inner/conv", "block2/conv0", "block2"}},
	} {
		t.Run(test.a.Name, func(t *testing.T) { checkAttached(t, test.a, test.layers) })
	}
}

func checkAttached(t *testing.T, a Architecture, layers []string) {
	n, s, constants := trained(t, a)
	images, targets := toyImages(3, a), []int{2, explain.Predicted, 0}
	opened := attach(t, n, s, nil)
	fixed := attach(t, constants, nil, nil)
	if got := opened.Architecture().Name; got != a.Name {
		t.Errorf("it is a %s", got)
	}
	plain, err := opened.With(plainGradient())
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range append([]string{explain.Image}, layers...) {
		for _, score := range []explain.Score{explain.Logit, explain.Probability} {
			want, err := opened.Bundle.Differentiate(t.Context(), images, targets, layer, score)
			if err != nil {
				t.Fatal(err)
			}
			got, err := plain.Differentiate(t.Context(), images, targets, layer, score)
			if err != nil {
				t.Fatal(err)
			}
			what := layer + ", " + string(score)
			near(t, what+": gradients", scaled(joined(got.Gradients)), scaled(joined(want.Gradients)), 1e-5)
			near(t, what+": activations", joined(got.Activations), joined(want.Activations), 0)
			near(t, what+": scores", got.Scores, want.Scores, 1e-6)
			if !slices.Equal(got.Targets, want.Targets) {
				t.Errorf("%s: targets %v, want %v", what, got.Targets, want.Targets)
			}
		}
	}
	for _, name := range append(LRPs(), "") {
		c := GuidedBackprop()
		if name != "" {
			if c, err = LookupLRP(name); err != nil {
				t.Fatal(err)
			}
		}
		for _, layer := range []string{explain.Image, layers[0], layers[1]} {
			if name == "epsilon_gamma_box" && layer == "scale" {
				continue // its rule is about the image, which has been rescaled there
			}
			want := joined(signal(t, opened, c, images, targets, layer).Gradients)
			got := joined(signal(t, fixed, c, images, targets, layer).Gradients)
			near(t, c.Name+" at "+layer+", constants", scaled(got), scaled(want), 1e-5)
		}
	}
}

// scaled brings values to a size that [near] takes for large.
func scaled(v []float32) []float32 {
	var largest float32
	for _, x := range v {
		largest = max(largest, x, -x)
	}
	out := make([]float32, len(v))
	for i, x := range v {
		if largest != 0 { // all zero stays so
			out[i] = x / largest
		}
	}
	return out
}

// Signals are added once for each composite, layer and score, whoever asks.
func TestAttachedModelIsGrownOnceByMany(t *testing.T) {
	_, _, constants := trainedTiny(t)
	m := attach(t, constants, nil, nil)
	images, targets := tinyImages(2), []int{1, 2}
	ask := func() []float32 {
		c, err := LookupLRP("")
		if err != nil {
			t.Error(err)
			return nil
		}
		model, err := m.With(c)
		if err != nil {
			t.Error(err)
			return nil
		}
		d, err := model.Differentiate(t.Context(), images, targets, explain.Image, explain.Logit)
		if err != nil {
			t.Error(err)
			return nil
		}
		return joined(d.Gradients)
	}
	var all sync.WaitGroup
	answers := make([][]float32, 4)
	for i := range answers {
		all.Go(func() { answers[i] = ask() })
	}
	all.Wait()
	for _, answer := range answers[1:] {
		near(t, "another goroutine", answer, answers[0], 1e-6)
	}
	if _, err := m.Bundle.Tensor("explain/epsilon_plus_flat/signal"); err != nil {
		t.Error(err)
	}
	if _, err := m.Bundle.Tensor("explain/epsilon_plus_flat/signal_1"); err == nil {
		t.Error("the signal was added twice")
	}
}

func TestAttachRefuses(t *testing.T) {
	_, _, constants := trainedTiny(t)
	m := attach(t, constants, nil, nil)
	edited := func(edit func(*Architecture)) json.RawMessage {
		a := Tiny(4)
		edit(&a)
		text, err := json.Marshal(map[string]any{"architecture": a})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for what, test := range map[string]struct {
		experiment json.RawMessage
		words      []string
	}{
		"no experiment":   {nil, []string{"no architecture"}},
		"another":         {json.RawMessage(`{"seed":1}`), []string{"no architecture"}},
		"not JSON":        {json.RawMessage(`{"architecture":`), []string{"metadata: experiment"}},
		"unknown kind":    {json.RawMessage(`{"architecture":{"layers":[{"name":"x","kind":"warp"}]}}`), []string{"warp"}},
		"a layer less":    {edited(func(a *Architecture) { a.Layers = append(a.Layers[:1:1], a.Layers[2:]...) }), []string{"11 layers", "10"}},
		"other names":     {edited(func(a *Architecture) { a.Layers[2].Name = "norm1" }), []string{"bn1", "norm1"}},
		"other sizes":     {edited(func(a *Architecture) { a.Layers[8].Layer = &Dense{Units: 17} }), []string{"fc1/kernel", "[432,17]"}},
		"does not fit":    {edited(func(a *Architecture) { a.Input = Shape{3, 3, 3} }), []string{"conv1"}},
		"missing weights": {edited(func(a *Architecture) { a.Layers[1].Layer = &BatchNormalization{} }), []string{"relu1/gamma"}},
	} {
		was := m.Bundle.Metadata.Experiment
		m.Bundle.Metadata.Experiment = test.experiment
		_, err := Attach(m.Bundle)
		m.Bundle.Metadata.Experiment = was
		wantError(t, what, err, test.words...)
	}
	if _, err := Attach(m.Bundle); err != nil {
		t.Error(err)
	}
}
