package interop

import (
	"cmp"
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"oscar/explain"
	"oscar/internal/graph"
	"oscar/internal/npy"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

const classes = 6

// model is a SavedModel in a folder of its own, with the inputs it is given by
// every tool.
type model struct {
	name   string
	folder string // see common.py
	meta   *savedmodel.Metadata
	// explanations are the signatures with a class, in the order of tfmodel's
	// table.
	explanations []string
	variables    int // that Python should see; none in a frozen model
	trainable    int
	cases        []inputs
}

// inputs is one call of a signature.
type inputs struct {
	name    string
	images  explain.Images
	targets []int
}

func (m model) dir() string { return filepath.Join(m.folder, "saved_model") }

// recorded is what these tests need of experiment.Experiment.
type recorded struct {
	Architecture tfmodel.Architecture `json:"architecture"`
	Explain      string               `json:"explain"`
}

// recipe says how a model of these tests comes to be.
type recipe struct {
	name   string
	arch   tfmodel.Architecture
	look   string // the layer explained
	steps  int    // of training: they move the batch norm's averages, too
	batch  int
	rate   float64 // 0: the weights stay random
	frozen bool
	all    bool                              // every explanation, not gradcam alone
	edit   func(values map[string][]float32) // of a frozen model
}

// everything has each kind of layer above the one that is explained.
var everything = tfmodel.Architecture{Name: "everything", Input: tfmodel.Shape{37, 41, 3}, Layers: []tfmodel.Named{
	{Name: "conv1", Layer: &tfmodel.Conv2D{Filters: 8, Kernel: 5, Stride: 2, Padding: tfmodel.Same}},
	{Name: "relu1", Layer: &tfmodel.ReLU{}},
	{Name: "pool1", Layer: &tfmodel.MaxPool2D{Size: 3, Stride: 2, Padding: tfmodel.Same}},
	{Name: "bn1", Layer: &tfmodel.BatchNormalization{}},
	{Name: "conv2", Layer: &tfmodel.Conv2D{Filters: 9, Kernel: 3, Stride: 1, Padding: tfmodel.Same}},
	{Name: "relu2", Layer: &tfmodel.ReLU{}},
	{Name: "pool2", Layer: &tfmodel.AveragePool2D{Size: 2, Stride: 1, Padding: tfmodel.Same}},
	{Name: "drop", Layer: &tfmodel.Dropout{Rate: 0.2}},
	{Name: "conv3", Layer: &tfmodel.Conv2D{Filters: 10, Kernel: 4, Stride: 3, Padding: tfmodel.Valid}},
	{Name: "relu3", Layer: &tfmodel.ReLU{}},
	{Name: "gap", Layer: &tfmodel.GlobalAveragePool2D{}},
	{Name: "flatten", Layer: &tfmodel.Flatten{}},
	{Name: "fc", Layer: &tfmodel.Dense{Units: classes}},
}}

var small = []recipe{
	{name: "tiny", arch: tfmodel.Tiny(classes), look: "conv5", steps: 60, batch: 12, rate: 3e-3, all: true},
	{name: "tiny-random", arch: tfmodel.Tiny(classes), look: "conv5", steps: 20, batch: 12},
	{name: "tiny-frozen", arch: tfmodel.Tiny(classes), look: "conv5", steps: 60, batch: 12, rate: 3e-3, frozen: true},
	{name: "everything", arch: everything, look: "conv1", steps: 30, batch: 12, rate: 3e-3, all: true},
	{name: "everything-bn", arch: everything, look: "bn1", steps: 30, batch: 12, rate: 3e-3, frozen: true},
	// The maps' dark corners: features that are zero everywhere, gradients that
	// are, and a map that is nowhere positive.
	{name: "no-features", arch: tfmodel.Tiny(classes), look: "conv5", steps: 1, batch: 2, frozen: true,
		edit: func(v map[string][]float32) { fill(v["conv5/bias"], -1e9) }},
	{name: "no-gradients", arch: tfmodel.Tiny(classes), look: "conv5", steps: 1, batch: 2, frozen: true,
		edit: func(v map[string][]float32) { fill(v["fc3/kernel"], 0) }},
	{name: "negative", arch: tfmodel.Tiny(classes), look: "conv5", steps: 1, batch: 2, frozen: true,
		edit: func(v map[string][]float32) { fill(v["fc1/kernel"], 0.01); fill(v["fc3/kernel"], -0.5) }},
}

var large = []recipe{
	{name: "alexnet02", arch: tfmodel.AlexNet02(classes), look: "conv5", steps: 4, batch: 2, all: true},
}

func fill(v []float32, x float32) {
	for i := range v {
		v[i] = x
	}
}

// make trains, exports and reads back a recipe's model.
func (r recipe) make(t *testing.T, root string) model {
	t.Helper()
	ctx := t.Context()
	folder := filepath.Join(root, r.name)
	mkdir(t, folder)
	bundle := filepath.Join(folder, "weights")
	r.train(t, bundle)
	n := must(tfmodel.Compile(r.arch))(t)
	session := must(n.Restore(ctx, bundle, graph.Config{}))(t)
	defer session.Close()
	if r.frozen {
		values := must(n.Values(ctx, session))(t)
		if r.edit != nil {
			r.edit(values)
		}
		n = must(tfmodel.CompileFrozen(r.arch, values))(t)
	}
	if err := r.export(ctx, t, filepath.Join(folder, "saved_model"), n, session); err != nil {
		t.Fatal(err)
	}
	return open(t, r.name, folder)
}

// train writes weights to a bundle.
func (r recipe) train(t *testing.T, bundle string) {
	t.Helper()
	trainer := must(tfmodel.NewTrainer(r.arch, tfmodel.Training{}, 7, graph.Config{}))(t)
	defer trainer.Close()
	if err := trainer.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for step := range r.steps {
		b := tfmodel.Batch{N: r.batch}
		for range r.batch {
			class := random.IntN(classes)
			b.Labels = append(b.Labels, class)
			b.Images = append(b.Images, picture(random, r.arch.Input, class)...)
		}
		if _, _, err := trainer.Step(t.Context(), b, step, r.rate); err != nil {
			t.Fatal(err)
		}
	}
	if err := trainer.SaveWeights(t.Context(), bundle); err != nil {
		t.Fatal(err)
	}
}

// export writes what pipeline.Export writes.
func (r recipe) export(ctx context.Context, t *testing.T, dir string, n *tfmodel.Network, session *graph.Session) error {
	signatures := map[string]savedmodel.Signature{"serving_default": n.Serving(), "serve": n.Serving()}
	for _, e := range tfmodel.Explanations {
		if e.Name != "gradcam" && !r.all {
			continue
		}
		var err error
		if signatures[e.Name], err = e.New(n, r.look); err != nil {
			return err
		}
	}
	total, _, err := r.arch.Parameters()
	if err != nil {
		return err
	}
	meta := savedmodel.Metadata{
		Format: 1, Model: r.arch.Name, Classes: []string{"a", "b", "c", "d", "e", "f"},
		Image:  savedmodel.Image{Height: r.arch.Input[0], Width: r.arch.Input[1], Channels: "RGB", Range: "0..255"},
		Layers: must(n.Layers())(t), Explain: r.look, Parameters: total,
		Experiment: must(json.Marshal(recorded{r.arch, r.look}))(t),
	}
	return savedmodel.Write(ctx, dir, n.SavedModel(session, signatures, meta))
}

// picture is noise in a class's color with a bright square somewhere.
func picture(r *rand.Rand, shape tfmodel.Shape, class int) []uint8 {
	height, width := shape[0], shape[1]
	top, left, side := r.IntN(height/2), r.IntN(width/2), height/3
	out := make([]uint8, 0, shape.Elements())
	for y := range height {
		for x := range width {
			for c := range 3 {
				v := r.IntN(120)
				if class>>c&1 == 1 && y >= top && y < top+side && x >= left && x < left+side {
					v += 130
				}
				out = append(out, uint8(v))
			}
		}
	}
	return out
}

// given returns the models that OSCAR_INTEROP_MODELS lists, to run these tests
// on a real one.
func given(t *testing.T, root string) []model {
	var out []model
	for _, dir := range filepath.SplitList(os.Getenv("OSCAR_INTEROP_MODELS")) {
		folder := filepath.Join(root, filepath.Base(filepath.Dir(dir))+"-"+filepath.Base(dir))
		mkdir(t, folder)
		if err := os.Symlink(must(filepath.Abs(dir))(t), filepath.Join(folder, "saved_model")); err != nil {
			t.Fatal(err)
		}
		out = append(out, open(t, filepath.Base(folder), folder))
	}
	return out
}

// open reads what a model says of itself, and writes its inputs.
func open(t *testing.T, name, folder string) model {
	t.Helper()
	m := model{name: name, folder: folder}
	meta, signatures, err := savedmodel.Describe(m.dir())
	if err != nil {
		t.Fatal(err)
	}
	m.meta = meta
	for _, e := range tfmodel.Explanations {
		if slices.Contains(signatures, e.Name) {
			m.explanations = append(m.explanations, e.Name)
		}
	}
	var made recorded
	if err := json.Unmarshal(m.meta.Experiment, &made); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(m.dir(), "variables")); err == nil {
		shapes := must(made.Architecture.Shapes())(t)
		for i, l := range made.Architecture.Layers {
			for _, p := range l.Layer.Params(shapes[i]) {
				m.variables++
				if p.Trainable {
					m.trainable++
				}
			}
		}
	}
	random := rand.New(rand.NewPCG(3, 4))
	for _, c := range []inputs{
		{name: "one", targets: []int{explain.Predicted}},
		{name: "one-of-class", targets: []int{1}},
		{name: "three", targets: []int{explain.Predicted, 0, len(m.meta.Classes) - 1}},
	} {
		shape := made.Architecture.Input
		c.images = explain.Images{N: len(c.targets), Height: shape[0], Width: shape[1], Channels: shape[2]}
		targets := make([]float32, c.images.N)
		for i, target := range c.targets {
			targets[i] = float32(target)
			for _, v := range picture(random, shape, i+1) {
				c.images.Pixels = append(c.images.Pixels, float32(v)+random.Float32()) // not whole numbers alone
			}
		}
		dir := filepath.Join(folder, "in", c.name)
		mkdir(t, dir)
		write(t, filepath.Join(dir, "image.npy"), []int{c.images.N, shape[0], shape[1], shape[2]}, c.images.Pixels)
		write(t, filepath.Join(dir, "class.npy"), []int{c.images.N}, targets)
		m.cases = append(m.cases, c)
	}
	return m
}

func write(t *testing.T, path string, shape []int, values []float32) {
	t.Helper()
	if err := npy.Write(path, shape, values); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
}

// must(f())(t) is f's result; the test ends if f failed.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// argmax is the first of the largest.
func argmax[T cmp.Ordered](v []T) int {
	best := 0
	for i := range v {
		if v[i] > v[best] {
			best = i
		}
	}
	return best
}
