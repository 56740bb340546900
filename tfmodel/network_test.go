package tfmodel

import (
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"oscar/internal/graph"
	"oscar/savedmodel"
)

// looked returns where the layers of an architecture are looked at.
func looked(t *testing.T, a Architecture) map[string]savedmodel.Layer {
	t.Helper()
	n, err := Compile(a)
	if err != nil {
		t.Fatal(err)
	}
	layers, err := n.Layers()
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]savedmodel.Layer{}
	for _, l := range layers {
		table[l.Name] = l
	}
	return table
}

func TestLayersAreLookedAtAfterTheirActivation(t *testing.T) {
	a := AlexNet02(6)
	table := looked(t, a)
	for layer, want := range map[string]string{
		"conv1":   "infer/relu1/Relu:0",
		"conv5":   "infer/relu5/Relu:0",
		"relu5":   "infer/relu5/Relu:0",
		"pool5":   "infer/pool5/MaxPool:0", // no activation follows
		"bn1":     "infer/bn1/FusedBatchNormV3:0",
		"pool1":   "infer/pool1/MaxPool:0",
		"fc1":     "infer/relu_fc1/Relu:0",
		"fc3":     "infer/fc3/BiasAdd:0", // the last
		"flatten": "infer/flatten/Reshape:0",
	} {
		if got := table[layer].Feature; got != want {
			t.Errorf("%s is looked at in %s, want %s", layer, got, want)
		}
	}
	if got := table["conv5"].Tensor; got != "infer/conv5/BiasAdd:0" {
		t.Errorf("conv5's own output is %s", got)
	}

	// The ablation without ReLU: the convolution itself.
	linear, err := a.Without("relu")
	if err != nil {
		t.Fatal(err)
	}
	// Between convolution and activation lies something: it is the layer's own.
	apart, err := a.InsertAfter("conv5", Named{"bn5", &BatchNormalization{}})
	if err != nil {
		t.Fatal(err)
	}
	for what, a := range map[string]Architecture{"without relu": linear, "with bn5 between": apart} {
		if got := looked(t, a)["conv5"]; got.Feature != "infer/conv5/BiasAdd:0" || got.Feature != got.Tensor {
			t.Errorf("%s conv5 is looked at in %s", what, got.Feature)
		}
	}
}

func TestGradCAMNeedsAMap(t *testing.T) {
	n, err := Compile(Tiny(6))
	if err != nil {
		t.Fatal(err)
	}
	_, err = n.GradCAM("conv6")
	wantError(t, "conv6", err, `no layer "conv6" (conv1?) in tiny`, "have conv1, relu1,")
	_, err = n.GradCAM("fc1")
	wantError(t, "fc1", err, "layer fc1", "[16]", "[height,width,channels]")
	for _, layer := range []string{"conv5", "pool5"} { // more than one, in one graph
		s, err := n.GradCAM(layer)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Outputs["heatmap"].Shape().String(); got != "[N,32,32]" {
			t.Errorf("%s: the heatmap is %s, want the image's size", layer, got)
		}
	}
}

func TestFrozenNetworkNeedsEveryValue(t *testing.T) {
	a := Tiny(3)
	values := weights(t, newTrainer(t, a, 1))
	if _, err := CompileFrozen(a, values); err != nil {
		t.Fatal(err)
	}
	short := maps.Clone(values)
	short["fc1/bias"] = short["fc1/bias"][1:]
	_, err := CompileFrozen(a, short)
	wantError(t, "one value short", err, "fc1/bias has 15 values", "[16]")
	delete(short, "fc1/bias")
	_, err = CompileFrozen(a, short)
	wantError(t, "without it", err, "fc1/bias has 0 values", "[16]")
}

func TestNetworkRestoresWhatItNames(t *testing.T) {
	trainer := newTrainer(t, Tiny(3), 1)
	prefix := filepath.Join(t.TempDir(), "weights")
	if err := trainer.Save(t.Context(), prefix); err != nil {
		t.Fatal(err)
	}
	n, err := Compile(Tiny(3))
	if err != nil {
		t.Fatal(err)
	}
	s, err := n.Restore(t.Context(), prefix, graph.Config{}) // the optimizer's are passed over
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	values, err := n.Values(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"bn1/beta", "bn1/gamma", "bn1/moving_mean", "bn1/moving_variance", "conv1/bias", "conv1/kernel",
		"conv5/bias", "conv5/kernel", "fc1/bias", "fc1/kernel", "fc3/bias", "fc3/kernel",
	}
	if got := slices.Sorted(maps.Keys(values)); !slices.Equal(got, want) {
		t.Errorf("variables %q, want Keras's names %q", got, want)
	}
	_, err = n.Restore(t.Context(), prefix+"-nothing", graph.Config{})
	wantError(t, "no bundle", err, "restore "+prefix+"-nothing")
}
