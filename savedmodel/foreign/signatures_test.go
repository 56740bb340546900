package foreign

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"oscar/explain"
	"oscar/gradcam"
	"oscar/internal/graph"
	"oscar/internal/testkit"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

// Other people's SavedModel, extended, explains itself in Python, and says what
// tf.GradientTape says of the original.
func TestExtendedModelsExplainThemselves(t *testing.T) {
	root, work := zoo(t), t.TempDir()
	names := []string{"odd", "nested", "vit", "tf1"}
	var folders []string
	for _, name := range names {
		folder := filepath.Join(work, name)
		folders = append(folders, folder)
		adopted := filepath.Join(folder, "adopted")
		a, err := Adopt(t.Context(), filepath.Join(root, name, "export"), adopted, zooModels[name].options)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Link(filepath.Join(root, name, "image.npy"), filepath.Join(folder, "image.npy")); err != nil {
			testkit.Write(t, filepath.Join(folder, "image.npy"), readText(t, filepath.Join(root, name, "image.npy")))
		}
		if err := savedmodel.Extend(adopted, filepath.Join(folder, "model"), graph.Config{}, explanations(layerLookedAt(t, root, name, a.Metadata.Explain))); err != nil {
			t.Fatal(err)
		}
	}
	python(t, "signatures.py", folders...)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			folder, said := filepath.Join(root, name), filepath.Join(work, name)
			in := images(t, folder)
			_, gradient := read(t, folder, "image.grad")
			_, integral := read(t, folder, "integrated")
			size := in.Height * in.Width
			saliency, product, integrated := make([]float32, in.N*size), make([]float32, in.N*size), make([]float32, in.N*size)
			for i := range saliency {
				for c := range 3 {
					g := gradient[3*i+c]
					saliency[i] = max(saliency[i], float32(math.Abs(float64(g))))
					product[i] += g * in.Pixels[3*i+c]
					integrated[i] += integral[3*i+c]
				}
			}
			said32 := func(signature string) []float32 {
				_, v := read(t, said, signature+".raw")
				return v
			}
			near(t, "saliency", said32("saliency"), saliency, tolerance)
			near(t, "gradient times input", said32("gradient-x-input"), product, tolerance)
			near(t, "integrated gradients", said32("integrated-gradients"), integrated, tolerance)

			layer := layerLookedAt(t, root, name, "")
			shape, values := read(t, folder, layer+".values")
			_, grads := read(t, folder, layer+".grad")
			if len(shape) == 3 && shape[1] == 37 {
				values, grads = withoutFirst(shape, values), withoutFirst(shape, grads)
			}
			near(t, "Grad-CAM", said32("gradcam"), gradCAM(values, grads, in.N, shape[len(shape)-1]), tolerance)

			// and what oscar itself says
			b, err := savedmodel.Open(filepath.Join(said, "model"), graph.Config{Optimizer: graph.OptimizeNothing})
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			d, err := b.Differentiate(t.Context(), in, slices.Repeat([]int{explain.Predicted}, in.N), layer, explain.Logit)
			if err != nil {
				t.Fatal(err)
			}
			var cams []float32
			for i := range d.Gradients {
				cams = append(cams, gradcam.GradCAM(d.Activations[i], d.Gradients[i]).Values...)
			}
			near(t, "Grad-CAM of oscar explain", said32("gradcam"), cams, tolerance)
			_, z := read(t, said, "serving_default.probabilities")
			var p []float32
			for _, row := range d.Probabilities {
				p = append(p, row...)
			}
			near(t, "probabilities", z, p, tolerance)
		})
	}
}

// layerLookedAt is the last of the layers whose gradients the zoo has.
func layerLookedAt(t *testing.T, root, name, otherwise string) string {
	t.Helper()
	var looked struct{ Layers []string }
	readJSON(t, &looked, root, name, "model.json")
	if len(looked.Layers) == 0 {
		return otherwise
	}
	return looked.Layers[len(looked.Layers)-1]
}

// explanations adds those that need gradients alone.
func explanations(layer string) func(*savedmodel.Bundle, *graph.Graph) (map[string]savedmodel.Signature, error) {
	return func(b *savedmodel.Bundle, g *graph.Graph) (map[string]savedmodel.Signature, error) {
		n, err := tfmodel.NetworkOf(b, g)
		if err != nil {
			return nil, err
		}
		out := map[string]savedmodel.Signature{}
		for _, name := range []string{"gradcam", "gradcam++", "hirescam", "layercam", "xgradcam", "saliency", "gradient-x-input", "integrated-gradients"} {
			e, err := tfmodel.LookupExplanation(name)
			if err == nil {
				out[name], err = e.New(n, layer)
			}
			if err != nil {
				return nil, err
			}
		}
		return out, nil
	}
}

// What an adopted model has no rules for is refused by name, and leaves nothing.
func TestExtendRefuses(t *testing.T) {
	root, dir := zoo(t), t.TempDir()
	adopted, out := filepath.Join(dir, "adopted"), filepath.Join(dir, "out")
	if _, err := Adopt(t.Context(), filepath.Join(root, "odd", "export"), adopted, Options{}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"lrp": "needs rules for the layers of oscar's own networks", "guidedbackprop": "the model has Elu (", "guidedgradcam": "the model has Elu (",
	} {
		err := savedmodel.Extend(adopted, out, graph.Config{}, func(b *savedmodel.Bundle, g *graph.Graph) (map[string]savedmodel.Signature, error) {
			n, err := tfmodel.NetworkOf(b, g)
			if err != nil {
				return nil, err
			}
			e, err := tfmodel.LookupExplanation(name)
			if err != nil {
				return nil, err
			}
			_, err = e.New(n, "last")
			return nil, err
		})
		wantError(t, err, want)
	}
	if left, _ := filepath.Glob(out + "*"); len(left) > 0 {
		t.Errorf("it left %q", left)
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
