// Package reference makes the networks of oracles/networks: [Names]. A formula, which
// oracles/reference.py also has, gives their weights and images, so that AlexNet02's 223 MB need not
// be stored. The package also reads the oracles' results.
package reference

import (
	"context"
	"encoding/json"
	"hash/fnv"
	"math"
	"os"
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

// classes is the number of classes of the networks.
const classes = 6

// Names are the networks, as in docs/correctness.md.
var Names = []string{"tiny", "AlexNet02"}

// Architecture returns the network of that name.
func Architecture(name string) tfmodel.Architecture {
	if name == "AlexNet02" {
		return tfmodel.AlexNet02(classes)
	}
	return tfmodel.Tiny(classes)
}

// hash returns the i-th number of SplitMix64 from a seed, which is the FNV-1a hash of a name.
func hash(seed uint64, i int) uint64 {
	z := seed + uint64(i+1)*0x9E3779B97F4A7C15
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

func seedOf(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64()
}

// Draws returns n numbers from -1 to 1, of 24 bits each, that depend only on the name.
func Draws(name string, n int) []float64 {
	out, seed := make([]float64, n), seedOf(name)
	for i := range out {
		out[i] = draw(seed, i)
	}
	return out
}

func draw(seed uint64, i int) float64 { return float64(int(hash(seed, i)>>40)-1<<23) / (1 << 23) }

// weightsOf returns an architecture's parameters. Layers in redrawn have different values, for the
// randomization test.
//
// Kernels are uniform with a variance of 2 / inputs, so that the signal keeps
// its size from ReLU to ReLU; the first one takes raw pixels.
func weightsOf(a tfmodel.Architecture, redrawn ...string) (map[string][]float32, error) {
	shapes, err := a.Shapes()
	if err != nil {
		return nil, err
	}
	out := map[string][]float32{}
	for i, l := range a.Layers {
		for _, p := range l.Layer.Params(shapes[i]) {
			name := l.Name + "/" + p.Role
			seed := seedOf(name)
			if slices.Contains(redrawn, l.Name) {
				seed = seedOf("redrawn " + name)
			}
			from, to := span(l.Name, p)
			v := make([]float32, tfmodel.Shape(p.Shape).Elements())
			for k := range v {
				v[k] = float32(from + (to-from)/2*(1+draw(seed, k)))
			}
			out[name] = v
		}
	}
	return out, nil
}

// span returns the range of a parameter's values.
func span(layer string, p tfmodel.Param) (from, to float64) {
	switch p.Role {
	case "kernel":
		inputs := tfmodel.Shape(p.Shape[:len(p.Shape)-1]).Elements()
		limit := math.Sqrt(6 / float64(inputs))
		if layer == "conv1" {
			limit /= 128
		}
		return -limit, limit
	case "gamma":
		return 0.75, 1.25
	case "moving_mean":
		return 0.25, 0.75
	case "moving_variance":
		return 0.25, 1.25
	}
	return -0.25, 0.25 // bias, beta
}

// Picture returns the k-th image of a network's size.
func Picture(name string, k int) []float32 {
	in := Architecture(name).Input
	return picture(k, in[0], in[1])
}

// picture returns the k-th image of that size: colored tiles with noise, in integers.
func picture(k, height, width int) []float32 {
	pixels := make([]float32, height*width*3)
	tiles, noise, side := seedOf("tiles"), seedOf("noise"), (height+7)/8
	for i := range pixels {
		c, x, y := i%3, i/3%width, i/3/width
		tile := ((k*8+y/side)*8+x/side)*3 + c
		pixels[i] = float32(hash(tiles, tile)>>56*3/4 + hash(noise, k*len(pixels)+i)>>58)
	}
	return pixels
}

// chosen are the pictures for oracles/networks. For most pictures one of AlexNet02's million units
// is so close to a kink of ReLU or max pooling that float32 can round it to the other side, and then
// programs have different gradients. make.py checks that these two pictures have no such unit.
var chosen = map[string][]int{"tiny": {0, 1}, "AlexNet02": {8, 33}}

// Images returns the first n of the two images of a network.
func Images(name string, n int) explain.Images {
	in := Architecture(name).Input
	images := explain.Images{N: n, Height: in[0], Width: in[1], Channels: in[2]}
	for _, k := range chosen[name][:n] {
		images.Pixels = append(images.Pixels, Picture(name, k)...)
	}
	return images
}

// Open writes a network of [Names] with its weights as a SavedModel, and opens
// it.
func Open(t testing.TB, name string, redrawn ...string) *tfmodel.Attached {
	t.Helper()
	if testing.Short() && name != "tiny" {
		t.Skip(name + " takes its time")
	}
	m, err := open(t.TempDir(), Architecture(name), redrawn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Bundle.Close() })
	return m
}

// Folder writes a network of [Names] with its weights as a SavedModel, and returns its
// folder.
func Folder(t testing.TB, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "model")
	if err := write(dir, Architecture(name), nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(dir string, a tfmodel.Architecture, redrawn []string) (*tfmodel.Attached, error) {
	dir = filepath.Join(dir, "model")
	if err := write(dir, a, redrawn); err != nil {
		return nil, err
	}
	bundle, err := savedmodel.Open(dir, graph.Config{})
	if err != nil {
		return nil, err
	}
	return tfmodel.Attach(bundle)
}

func write(dir string, a tfmodel.Architecture, redrawn []string) error {
	n, err := tfmodel.Compile(a)
	if err != nil {
		return err
	}
	weights, err := weightsOf(a, redrawn...)
	if err != nil {
		return err
	}
	session, err := assigned(n.Graph, weights)
	if err != nil {
		return err
	}
	defer session.Close()
	layers, err := n.Layers()
	if err != nil {
		return err
	}
	experiment, err := json.Marshal(map[string]any{"architecture": a, "seed": 1})
	if err != nil {
		return err
	}
	meta := savedmodel.Metadata{
		Format: 1, Model: a.Name, Classes: strings.Split("abcdef", ""), Explain: "conv5",
		Image: savedmodel.Image{Height: a.Input[0], Width: a.Input[1]}, Layers: layers, Experiment: experiment,
	}
	signatures := map[string]savedmodel.Signature{"serving_default": n.Serving()}
	return savedmodel.Write(context.Background(), dir, n.SavedModel(session, signatures, meta))
}

// assigned opens a session whose variables have the given values.
func assigned(g *graph.Graph, values map[string][]float32) (*graph.Session, error) {
	var feeds []graph.Feed
	var ops []graph.Op
	for name, v := range values {
		handle, err := g.Tensor(name)
		if err != nil {
			return nil, err
		}
		read, err := g.Tensor(name + "/Read/ReadVariableOp")
		if err != nil {
			return nil, err
		}
		in := g.In("assign").In(name)
		value := in.Placeholder("value", graph.Float, read.Shape())
		feeds = append(feeds, graph.Feed{To: value, Value: graph.FromFloat32s(read.Shape(), v)})
		ops = append(ops, in.Assign(handle, value))
	}
	if err := g.Err(); err != nil {
		return nil, err
	}
	session, err := g.NewSession(graph.Config{})
	if err != nil {
		return nil, err
	}
	if _, err := session.Run(context.Background(), feeds, nil, ops...); err != nil {
		session.Close()
		return nil, err
	}
	return session, nil
}

// Read reads a file that oracles/networks/make.py wrote for a network.
func Read(t testing.TB, network, file string, into any) {
	t.Helper()
	root, err := agreement.Root()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(root, "oracles", "networks", "testdata", strings.ToLower(network), file))
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatalf("%v; run make oracles", err)
	}
}

// Sampled is the part of a map in an oracle's file: all values (Stride 1), or every Stride-th value
// of every Stride-th row, starting at Stride/2, and the sums of tiles of Stride x Stride.
type Sampled struct {
	Height, Width, Stride int
	Values, Tiles         []float64
}

// Apart returns the difference between a map and the oracle's. It is the largest difference of
// values relative to the largest value, or the same for the sums of tiles, whichever is larger. It
// is NaN if the shapes differ.
func (s Sampled) Apart(g explain.Grid) float64 {
	if g.Height != s.Height || g.Width != s.Width || s.Stride < 1 {
		return math.NaN()
	}
	if s.Stride == 1 {
		return agreement.Apart(g.Values, s.Values)
	}
	columns := (s.Width + s.Stride - 1) / s.Stride
	var values []float64
	tiles := make([]float64, columns*((s.Height+s.Stride-1)/s.Stride))
	for i, v := range g.Values {
		y, x := i/s.Width, i%s.Width
		tiles[y/s.Stride*columns+x/s.Stride] += float64(v)
		if y%s.Stride == s.Stride/2 && x%s.Stride == s.Stride/2 {
			values = append(values, float64(v))
		}
	}
	a, b := agreement.Apart(values, s.Values), agreement.Apart(tiles, s.Tiles)
	if a != a || b != b {
		return math.NaN()
	}
	return max(a, b)
}

// Asked is the start of every file of oracles/networks.
type Asked struct {
	Made    map[string]string
	Targets []int
	Logits  [][]float64
}

// Oracle returns the name of a program with its version.
func (a Asked) Oracle(program string) string { return program + " " + a.Made[program] }
