package foreign

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/explain"
	"oscar/internal/agreement"
	"oscar/internal/graph"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

// guidedModels are the models whose guided gradients TensorFlow in Python computes, with a
// gradient of its own for ReLU.
var guidedModels = map[string]string{
	"user_seq":       "a chain of Keras",
	"subclassed":     "a subclassed model of Keras",
	"residual":       "a residual network of Keras",
	"nested":         "MobileNetV2 0.35 in a model of Keras",
	"channels_first": "a chain of Keras, channels first",
}

// Guided backpropagation on models of other programs is Python's, also as a signature.
func TestGuidedBackprop(t *testing.T) {
	root := zoo(t)
	for name, model := range guidedModels {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			adopted, extended := filepath.Join(dir, "adopted"), filepath.Join(dir, "extended")
			if _, err := Adopt(t.Context(), filepath.Join(root, name, "export"), adopted, zooModels[name].options); err != nil {
				t.Fatal(err)
			}
			config := graph.Config{Optimizer: graph.OptimizeNothing}
			b, err := savedmodel.Open(adopted, config)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			guided, err := tfmodel.WithGuidedGradients(b)
			if err != nil {
				t.Fatal(err)
			}
			in := images(t, filepath.Join(root, name))
			maps, err := explain.GuidedBackprop{Model: guided}.Explain(t.Context(), in, slices.Repeat([]int{explain.Predicted}, in.N))
			if err != nil {
				t.Fatal(err)
			}
			var got []float32
			for _, m := range maps {
				got = append(got, m.Map.Values...)
			}
			_, gradient := read(t, root, name, "guided")
			want, plain := overChannels(gradient), plainGradient(t, root, name)
			line := agreement.Line{
				Group: agreement.Relevance, Subject: "guidedbackprop", Model: model, Oracle: "TensorFlow 2.18.1 in Python, tf.custom_gradient",
				Compared: "map, 2 images", Difference: agreement.Apart(got, want), Of: "its largest value", Bound: tolerance,
			}
			agreement.Check(t, line)
			if d := agreement.Apart(plain, want); d < 100*tolerance {
				t.Errorf("the ordinary gradient is apart from it by %g only: this model tests nothing", d)
			}

			var raw graph.Tensor
			add := func(b *savedmodel.Bundle, g *graph.Graph) (map[string]savedmodel.Signature, error) {
				n, err := tfmodel.NetworkOf(b, g)
				if err != nil {
					return nil, err
				}
				s, err := n.GuidedBackprop()
				raw = s.Outputs["raw"]
				return map[string]savedmodel.Signature{"guidedbackprop": s}, err
			}
			if err := savedmodel.Extend(adopted, extended, config, add); err != nil {
				t.Fatal(err)
			}
			line.Compared, line.Difference = "raw of the signature, 2 images", agreement.Apart(runSignature(t, extended, raw.Name(), in), want)
			agreement.Check(t, line)
		})
	}
}

// runSignature returns a tensor of a signature for the predicted classes.
func runSignature(t *testing.T, dir, tensor string, in explain.Images) []float32 {
	t.Helper()
	g, session, err := graph.Load(dir, "serve", graph.Config{Optimizer: graph.OptimizeNothing})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	tensors := map[string]graph.Tensor{}
	for _, name := range []string{"image", "guidedbackprop/class", tensor} {
		if tensors[name], err = g.Tensor(name); err != nil {
			t.Fatal(err)
		}
	}
	predicted := slices.Repeat([]int64{explain.Predicted}, in.N)
	out, err := session.Run(t.Context(), []graph.Feed{
		{To: tensors["image"], Value: graph.FromFloat32s(graph.Shape{in.N, in.Height, in.Width, 3}, in.Pixels)},
		{To: tensors["guidedbackprop/class"], Value: graph.FromInt64s(graph.Shape{in.N}, predicted)},
	}, []graph.Tensor{tensors[tensor]})
	if err != nil {
		t.Fatal(err)
	}
	return out[0].Float32s()
}

// plainGradient returns the ordinary gradient at the image, summed over the channels.
func plainGradient(t *testing.T, root, name string) []float32 {
	_, gradient := read(t, root, name, "image.grad")
	return overChannels(gradient)
}

func overChannels(rgb []float32) []float32 {
	out := make([]float32, len(rgb)/3)
	for i, v := range rgb {
		out[i/3] += v
	}
	return out
}

// Activations without a rule are refused by name.
func TestGuidedBackpropRefuses(t *testing.T) {
	root := zoo(t)
	for name, want := range map[string]string{
		"odd":           "the model has Elu (model/functional_1/conv2d_1/Elu), Erf (model/functional_1/grouped_1/Gelu/Erf), LeakyRelu",
		"preprocessing": "Relu of a negated tensor, as in PReLU (model/sequential_1/p_re_lu_1/Relu_1), Sigmoid (",
		"vit":           "Erf (",
		"vit_class":     "the model has neither",
	} {
		t.Run(name, func(t *testing.T) {
			adopted := filepath.Join(t.TempDir(), "adopted")
			if _, err := Adopt(t.Context(), filepath.Join(root, name, "export"), adopted, zooModels[name].options); err != nil {
				t.Fatal(err)
			}
			b, err := savedmodel.Open(adopted, graph.Config{})
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			if _, err := tfmodel.WithGuidedGradients(b); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			} else {
				t.Log(err)
			}
		})
	}
}
