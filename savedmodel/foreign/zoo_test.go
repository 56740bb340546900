package foreign

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/explain"
	"oscar/gradcam"
	"oscar/internal/graph"
	"oscar/savedmodel"
)

// tolerance is a share of the largest value; 16 bits have their own.
const tolerance = 1e-4

// zooModels is the table of models that must be explained as TensorFlow in
// Python explains them.
var zooModels = map[string]struct {
	options   Options
	explain   string  // the default layer
	tolerance float64 // 0: tolerance
	rewritten string  // an operation that must have been
	compared  bool    // TensorFlow's loader can run the original
	flat      bool    // the output is the logits
}{
	"user_seq":         {explain: "conv2d_2", compared: true},
	"tf_save":          {explain: "conv2d_1"}, // finding F2: the loader sets other variables than those that are read
	"preprocessing":    {explain: "p_re_lu", compared: true},
	"odd":              {explain: "last", compared: true},
	"nested":           {explain: "out_relu", compared: true, flat: true},
	"vit":              {explain: "tokens", compared: true, rewritten: "ExtractImagePatches"},
	"vit_class":        {explain: "before", compared: true, rewritten: "ExtractImagePatches"},
	"outer":            {options: Options{Image: Image{Scale: "-1..1"}}, explain: "conv2d_1", compared: true},
	"bfloat16":         {explain: "conv2d_1", tolerance: 0.05, compared: true},
	"float16":          {explain: "conv2d_1", tolerance: 0.01, compared: true},
	"nchw":             {explain: "c2", compared: true},
	"bfloat16_head":    {explain: "conv2d_1", tolerance: 0.05, compared: true},
	"float16_head":     {explain: "conv2d_1", tolerance: 0.01, compared: true},
	"bfloat16_strided": {explain: "re_lu", tolerance: 0.05, compared: true},
	"float16_strided":  {explain: "re_lu", tolerance: 0.01, compared: true},
	"any_size":         {options: Options{Image: Image{Height: 48, Width: 48}}, explain: "conv2d_1", compared: true},
	"two_outputs":      {options: Options{Output: "probs"}, explain: "conv2d", compared: true},
	"bytes_in":         {explain: "conv2d", compared: true},
	"channels_first":   {explain: "conv2d", compared: true},
	"gray":             {explain: "conv2d", compared: true},
	"subclassed":       {explain: "conv2d_1", compared: true, flat: true},
	"residual":         {compared: true, flat: true},
	"one_sigmoid":      {compared: true},
	"one_logit":        {compared: true, flat: true},
	"several":          {compared: true},
	"hub":              {options: Options{Image: Image{Height: 48, Width: 48}}, compared: true, flat: true},
	"tf1":              {explain: "conv2/relu", compared: true, rewritten: "LRN"},
}

func TestZoo(t *testing.T) {
	root := zoo(t)
	for name, want := range zooModels {
		t.Run(name, func(t *testing.T) {
			folder, model := filepath.Join(root, name), filepath.Join(t.TempDir(), "model")
			a, err := Adopt(t.Context(), filepath.Join(folder, "export"), model, want.options)
			if err != nil {
				t.Fatal(err)
			}
			origin := a.Metadata.Origin
			// Without oneDNN, TensorFlow cannot run nchw itself.
			runs := !strings.Contains(fmt.Sprint(a.Notes), "only supports NHWC")
			if (origin.Difference != nil) != (want.compared && runs) {
				t.Errorf("compared with the original: %v, want %v; notes %q", origin.Difference, want.compared, a.Notes)
			}
			scaled := "the model scales by itself ("
			if want.options.Image.Scale != "" {
				scaled = "it was given"
			}
			if !strings.HasPrefix(origin.Scaled, scaled) {
				t.Errorf("the scale: %q, want %q", origin.Scaled, scaled)
			}
			if want.rewritten != "" && origin.Rewritten[want.rewritten] == 0 {
				t.Errorf("rewritten were %v, want %s", origin.Rewritten, want.rewritten)
			}
			if want.explain != "" && a.Metadata.Explain != want.explain {
				t.Errorf("explains %s, want %s", a.Metadata.Explain, want.explain)
			}
			bundle, err := savedmodel.Open(model, graph.Config{Optimizer: graph.OptimizeNothing})
			if err != nil {
				t.Fatal(err)
			}
			defer bundle.Close()
			checkBody(t, model)
			bound := want.tolerance
			if bound == 0 {
				bound = tolerance
			}
			checkAnswers(t, bundle, folder, want.flat, bound)
			checkHead(t, bundle, images(t, folder))
			var looked struct{ Layers []string }
			readJSON(t, &looked, folder, "model.json")
			for _, layer := range append(looked.Layers, explain.Image) {
				checkLayer(t, bundle, folder, layer, bound)
			}
			optimized, err := savedmodel.Open(model, graph.Config{})
			if err != nil {
				t.Fatal(err)
			}
			defer optimized.Close()
			for _, layer := range looked.Layers {
				checkAblated(t, bundle, folder, layer, bound)
				checkAblated(t, optimized, folder, layer, bound)
			}
			checkIntegrated(t, bundle, folder, bound)
		})
	}
}

func checkAnswers(t *testing.T, b *savedmodel.Bundle, folder string, logits bool, bound float64) {
	t.Helper()
	p, err := b.Predict(t.Context(), images(t, folder))
	if err != nil {
		t.Fatal(err)
	}
	shape, want := read(t, folder, "output")
	var got []float32
	for i := range p.Logits {
		switch {
		case logits && shape[1] == 1:
			got = append(got, p.Logits[i][1]-p.Logits[i][0])
		case logits:
			got = append(got, p.Logits[i]...)
		case shape[1] == 1:
			got = append(got, p.Probabilities[i][1])
		default:
			got = append(got, p.Probabilities[i]...)
		}
	}
	near(t, "answers", got, want, bound)
}

// checkLayer compares a layer's values, gradients and Grad-CAM.
func checkLayer(t *testing.T, b *savedmodel.Bundle, folder, layer string, bound float64) {
	t.Helper()
	in := images(t, folder)
	predicted := slices.Repeat([]int{explain.Predicted}, in.N)
	d, err := b.Differentiate(t.Context(), in, predicted, layer, explain.Logit)
	if err != nil {
		t.Errorf("%s: %v", layer, err)
		return
	}
	var values, grads []float32
	for i := range d.Gradients {
		values, grads = append(values, d.Activations[i].Values...), append(grads, d.Gradients[i].Values...)
	}
	shape, want := read(t, folder, layer+".grad")
	if len(shape) == 3 && shape[1] == 37 { // of tokens the first is none of the grid's
		want = withoutFirst(shape, want)
	}
	near(t, layer+": gradients", grads, want, bound)
	if layer == explain.Image {
		return
	}
	shape, acts := read(t, folder, layer+".values")
	if len(shape) == 3 && shape[1] == 37 {
		acts = withoutFirst(shape, acts)
	}
	near(t, layer+": values", values, acts, bound)
	var cams []float32
	for i := range d.Gradients {
		cams = append(cams, gradcam.GradCAM(d.Activations[i], d.Gradients[i]).Values...)
	}
	near(t, layer+": Grad-CAM", cams, gradCAM(acts, want, in.N, shape[len(shape)-1]), bound)
}

// checkAblated compares the logits without one of the first channels, also of layers that a
// shortcut goes around, and those of the unchanged activations.
func checkAblated(t *testing.T, b *savedmodel.Bundle, folder, layer string, bound float64) {
	t.Helper()
	in := images(t, folder)
	d, err := b.Differentiate(t.Context(), in, slices.Repeat([]int{explain.Predicted}, in.N), layer, explain.Logit)
	if err != nil {
		t.Errorf("%s: %v", layer, err)
		return
	}
	shape, want := read(t, folder, layer+".ablated")
	var got, again, logits []float32
	for i, a := range d.Activations {
		image := in
		image.N, image.Pixels = 1, in.Pixels[i*in.Size():(i+1)*in.Size()]
		changed := []explain.Volume{a}
		for k := range shape[1] {
			v := a
			v.Values = slices.Clone(a.Values)
			for at := k; at < len(v.Values); at += v.Channels {
				v.Values[at] = 0
			}
			changed = append(changed, v)
		}
		p, err := b.PredictFrom(t.Context(), image, layer, changed)
		if err != nil {
			t.Errorf("%s: %v", layer, err)
			return
		}
		again, logits = append(again, p.Logits[0]...), append(logits, d.Logits[i]...)
		for _, z := range p.Logits[1:] {
			got = append(got, z[d.Targets[i]])
		}
	}
	near(t, layer+": logits from the layer on", again, logits, bound)
	near(t, layer+": logits without a channel", got, want, bound)
}

// checkIntegrated compares integrated gradients.
func checkIntegrated(t *testing.T, b *savedmodel.Bundle, folder string, bound float64) {
	t.Helper()
	in := images(t, folder)
	maps, err := explain.IntegratedGradients{Model: b, Steps: 20}.Explain(t.Context(), in, slices.Repeat([]int{explain.Predicted}, in.N))
	if err != nil {
		t.Error(err)
		return
	}
	var got []float32
	for _, m := range maps {
		got = append(got, m.Map.Values...)
	}
	_, integral := read(t, folder, "integrated")
	want := make([]float32, len(integral)/3)
	for i, v := range integral {
		want[i/3] += v
	}
	near(t, "integrated gradients", got, want, bound)
}

// gradCAM is Selvaraju et al. 2017, equations 1 and 2 without the ReLU, of values
// and gradients [n,positions,channels].
func gradCAM(values, grads []float32, n, channels int) []float32 {
	positions := len(values) / n / channels
	out := make([]float32, n*positions)
	for i := range n {
		weights := make([]float64, channels)
		for p := range positions {
			for c := range channels {
				weights[c] += float64(grads[(i*positions+p)*channels+c]) / float64(positions)
			}
		}
		for p := range positions {
			sum := 0.0
			for c := range channels {
				sum += weights[c] * float64(values[(i*positions+p)*channels+c])
			}
			out[i*positions+p] = float32(sum)
		}
	}
	return out
}

// withoutFirst leaves the first of each image's tokens out.
func withoutFirst(shape graph.Shape, v []float32) (out []float32) {
	size := shape[1] * shape[2]
	for i := range shape[0] {
		out = append(out, v[i*size+shape[2]:(i+1)*size]...)
	}
	return out
}

// near compares to a share of the largest value.
func near(t *testing.T, what string, got, want []float32, bound float64) {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Errorf("%s: %d values, want %d", what, len(got), len(want))
		return
	}
	largest, apart := 0.0, 0.0
	for i := range want {
		largest = max(largest, math.Abs(float64(want[i])))
		if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= apart) {
			apart = d
		}
	}
	if largest == 0 || !(apart <= bound*largest) {
		t.Errorf("%s: %.3g apart, of %.3g at most; want %g of that", what, apart, largest, bound)
	}
}

// What is wrong with a model, or with what is asked of it, is said in the words
// that help.
func TestZooRefusals(t *testing.T) {
	root := zoo(t)
	for name, test := range map[string]struct {
		model   string
		options Options
		words   []string
	}{
		"training mode":       {"user_wrong", Options{}, []string{"training mode", "AssignVariableOp", "training=False", "ExportArchive", "--training-graph"}},
		"of the batch":        {"of_batch", Options{}, []string{"training mode", "another answer alone than among others"}},
		"no option mends":     {"one_image", Options{}, []string{"takes batches of 1 images only"}}, // before the scale, which one does
		"no scale":            {"outer", Options{}, []string{"--input-scale", "-1..1", "caffe"}},
		"no size":             {"any_size", Options{}, []string{"any size", "--input-size"}},
		"another size":        {"outer", Options{Image: Image{Scale: "0..1", Height: 9, Width: 9}}, []string{"9", "[N,48,48,3]"}},
		"several outputs":     {"two_outputs", Options{}, []string{"--output", "embedding", "probs"}},
		"no such output":      {"two_outputs", Options{Output: "x"}, []string{`no output "x"`, "embedding", "probs"}},
		"no such signature":   {"outer", Options{Signature: "x"}, []string{`no signature "x"`, "serving_default"}},
		"no such layer":       {"user_seq", Options{Explain: "conv9"}, []string{`no layer "conv9"`, "conv2d_1"}},
		"too few classes":     {"user_seq", Options{Classes: []string{"a", "b"}}, []string{"2 classes", "6"}},
		"bytes scaled":        {"bytes_in", Options{Image: Image{Scale: "torch"}}, []string{"bytes", "0..255"}},
		"torch of gray":       {"gray", Options{Image: Image{Scale: "torch"}}, []string{"gray", "torch"}},
		"signature to choose": {"operations", Options{}, []string{"--signature", "conv_dilated_same"}},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "model")
			_, err := Adopt(t.Context(), filepath.Join(root, test.model, "export"), out, test.options)
			wantError(t, err, test.words...)
			if left, _ := filepath.Glob(out + "*"); len(left) > 0 {
				t.Errorf("it left %q", left)
			}
		})
	}
}

// A graph of training mode runs where that is asked for.
func TestTrainingGraph(t *testing.T) {
	a, err := Adopt(t.Context(), filepath.Join(zoo(t), "user_wrong", "export"), filepath.Join(t.TempDir(), "model"), Options{TrainingGraph: true, Image: Image{Scale: "0..255"}})
	if err != nil {
		t.Fatal(err)
	}
	if !a.Metadata.Origin.TrainingGraph || a.Metadata.Origin.Difference != nil {
		t.Errorf("origin %+v", a.Metadata.Origin)
	}
}

func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one that names %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not name %q", err, w)
		}
	}
}
