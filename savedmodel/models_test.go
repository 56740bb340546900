package savedmodel_test

import (
	"context"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/explain"
	"oscar/internal/graph"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

var classes = []string{"cardboard", "glass", "metal"}

// small is a network with every kind of step that an explanation goes through.
func small() tfmodel.Architecture {
	return tfmodel.Architecture{Name: "small", Input: tfmodel.Shape{12, 10, 3}, Layers: []tfmodel.Named{
		{Name: "conv1", Layer: &tfmodel.Conv2D{Filters: 4, Kernel: 3, Stride: 1, Padding: tfmodel.Same}},
		{Name: "relu1", Layer: &tfmodel.ReLU{}},
		{Name: "bn1", Layer: &tfmodel.BatchNormalization{}},
		{Name: "conv5", Layer: &tfmodel.Conv2D{Filters: 5, Kernel: 3, Stride: 1, Padding: tfmodel.Same}},
		{Name: "relu5", Layer: &tfmodel.ReLU{}},
		{Name: "pool5", Layer: &tfmodel.MaxPool2D{Size: 3, Stride: 2, Padding: tfmodel.Valid}},
		{Name: "flatten", Layer: &tfmodel.Flatten{}},
		{Name: "drop", Layer: &tfmodel.Dropout{Rate: 0.5}},
		{Name: "fc1", Layer: &tfmodel.Dense{Units: len(classes)}},
	}}
}

// pixels returns a batch for a trainer and the same images for a bundle.
func pixels(a tfmodel.Architecture, n int, seed uint64) (tfmodel.Batch, explain.Images) {
	r := rand.New(rand.NewPCG(seed, 5))
	b := tfmodel.Batch{N: n}
	images := explain.Images{N: n, Height: a.Input[0], Width: a.Input[1], Channels: a.Input[2]}
	for range n * a.Input.Elements() {
		v := uint8(r.UintN(256))
		b.Images = append(b.Images, v)
		images.Pixels = append(images.Pixels, float32(v))
	}
	for range n {
		b.Labels = append(b.Labels, r.IntN(len(classes)))
	}
	return b, images
}

// trained returns a trainer after a few steps, so that nothing is as it began.
func trained(t testing.TB, a tfmodel.Architecture) *tfmodel.Trainer {
	t.Helper()
	trainer, err := tfmodel.NewTrainer(a, tfmodel.Training{}, 1, graph.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { trainer.Close() })
	if err := trainer.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 40 { // for the moving moments to come near
		b, _ := pixels(a, 16, uint64(i))
		if _, _, err := trainer.Step(t.Context(), b, i, 1e-3); err != nil {
			t.Fatal(err)
		}
	}
	return trainer
}

// export writes a trainer's network as the pipeline does.
func export(t testing.TB, trainer *tfmodel.Trainer, dir string, frozen bool) {
	t.Helper()
	n, session := network(t, trainer)
	if frozen {
		values, err := n.Values(t.Context(), session)
		if err != nil {
			t.Fatal(err)
		}
		if n, err = tfmodel.CompileFrozen(trainer.Architecture, values); err != nil {
			t.Fatal(err)
		}
	}
	if err := savedmodel.Write(t.Context(), dir, model(t, n, session)); err != nil {
		t.Fatal(err)
	}
}

// network compiles a trainer's network for inference, with its weights.
func network(t testing.TB, trainer *tfmodel.Trainer) (*tfmodel.Network, *graph.Session) {
	t.Helper()
	prefix := filepath.Join(t.TempDir(), "weights")
	if err := trainer.SaveWeights(t.Context(), prefix); err != nil {
		t.Fatal(err)
	}
	n, err := tfmodel.Compile(trainer.Architecture)
	if err != nil {
		t.Fatal(err)
	}
	session, err := n.Restore(t.Context(), prefix, graph.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	return n, session
}

// model returns what Write takes, with Grad-CAM at conv5.
func model(t testing.TB, n *tfmodel.Network, session *graph.Session) savedmodel.Model {
	t.Helper()
	layers, err := n.Layers()
	if err != nil {
		t.Fatal(err)
	}
	cam, err := n.GradCAM("conv5")
	if err != nil {
		t.Fatal(err)
	}
	return n.SavedModel(session,
		map[string]savedmodel.Signature{"serving_default": n.Serving(), "gradcam": cam},
		savedmodel.Metadata{
			Format: 1, Model: n.Architecture.Name, Classes: classes, Layers: layers, Explain: "conv5",
			Image: savedmodel.Image{Height: n.Architecture.Input[0], Width: n.Architecture.Input[1], Channels: "RGB", Range: "0..255"},
		})
}

// exported returns the folder of a small model.
func exported(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "model")
	export(t, trained(t, small()), dir, false)
	return dir
}

func open(t testing.TB, dir string) *savedmodel.Bundle {
	t.Helper()
	b, err := savedmodel.Open(dir, graph.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// gradCAM calls a model's gradcam signature as another program would, by the
// names of its tensors.
func gradCAM(t *testing.T, dir string, images explain.Images, targets []int64) (raw, heatmap []float32) {
	t.Helper()
	g, s, err := graph.Load(dir, "serve", graph.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tensor := func(name string) graph.Tensor {
		found, err := g.Tensor(name)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	out, err := s.Run(context.Background(), []graph.Feed{
		{To: tensor("image"), Value: graph.FromFloat32s(graph.Shape{images.N, images.Height, images.Width, images.Channels}, images.Pixels)},
		{To: tensor("gradcam/class"), Value: graph.FromInt64s(graph.Shape{len(targets)}, targets)},
	}, []graph.Tensor{tensor("gradcam/raw"), tensor("gradcam/heatmap")})
	if err != nil {
		t.Fatal(err)
	}
	return out[0].Float32s(), out[1].Float32s()
}

// near checks two slices against each other, to a share of the largest value.
func near(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d values, want %d", what, len(got), len(want))
		return
	}
	var scale float64
	for _, v := range want {
		scale = max(scale, math.Abs(float64(v)))
	}
	for i := range want {
		if apart := math.Abs(float64(got[i]) - float64(want[i])); !(apart <= tolerance*scale) {
			t.Errorf("%s: value %d of %d is %g, want %g (values up to %.3g)", what, i, len(want), got[i], want[i], scale)
			return
		}
	}
}

// wantError checks that an error names all of words, on one line.
func wantError(t *testing.T, what string, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error; want one that names %q", what, words)
		return
	}
	missing := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return strings.Contains(err.Error(), w) })
	if len(missing) > 0 || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "[[") {
		t.Errorf("%s: error %q, want one line, without TensorFlow's [[node]], that names %q", what, err, missing)
	}
}

// tree returns the contents of all files below dir.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		files[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// unchanged checks that a folder holds what it held, and its parent no more.
func unchanged(t *testing.T, what, dir string, before map[string]string) {
	t.Helper()
	if after := tree(t, filepath.Dir(dir)); !maps.Equal(after, before) {
		t.Errorf("%s: the folder has changed: %q, before %q", what, slices.Sorted(maps.Keys(after)), slices.Sorted(maps.Keys(before)))
	}
}
