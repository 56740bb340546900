package tfmodel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"oscar/internal/graph"
)

// randomWeights are values for every parameter, none of them zero. With
// biases false, biases are zero and batch normalization shifts nothing.
func randomWeights(t *testing.T, a Architecture, seed uint64, biases bool) map[string][]float32 {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 0))
	values := map[string][]float32{}
	laid(t, a).forEachParam(func(name string, p Param) {
		v := make([]float32, Shape(p.Shape).Elements())
		for k := range v {
			v[k] = float32(0.4 * r.NormFloat64())
			switch {
			case p.Role == "moving_variance":
				v[k] = 0.2 + v[k]*v[k]
			case !biases && p.Role != "kernel" && p.Role != "gamma":
				v[k] = 0
			}
		}
		values[name] = v
	})
	return values
}

// The twin of a rule sees a layer as a matrix: z_j = sum_i x_i w[i][j] + b[j].
// It is told of one output after the other and adds to the inputs' relevance.
type matrix struct {
	w [][]float64
	b []float64
}

// matrixOf finds the matrix of an affine function of images by asking for all
// unit vectors.
func matrixOf(f func(grid) grid, in Shape) matrix {
	zero := newGrid(in[0], in[1], in[2])
	m := matrix{b: f(zero).v}
	for i := range zero.v {
		zero.v[i] = 1
		row := slices.Clone(f(zero).v)
		for j := range row {
			row[j] -= m.b[j]
			if row[j] < 1e-12 && row[j] > -1e-12 { // rounding: not connected
				row[j] = 0
			}
		}
		zero.v[i] = 0
		m.w = append(m.w, row)
	}
	return m
}

func stable(z, epsilon float64) float64 {
	if z >= 0 {
		return z + epsilon
	}
	return z - epsilon
}

// twins are the rules once more, a formula each.
var ruleTwins = []struct {
	rule Rule
	// term is what input i, of value x, adds to the denominator of an output z by
	// weight w, and by how much of it relevance is shared. bias is what the bias
	// adds.
	term func(x, w, z float64) float64
	bias func(b, z float64) float64
	eps  float64
}{
	{Epsilon{}, func(x, w, _ float64) float64 { return x * w }, func(b, _ float64) float64 { return b }, 0},
	{Epsilon{0.25}, func(x, w, _ float64) float64 { return x * w }, func(b, _ float64) float64 { return b }, 0.25},
	{AlphaBeta{1, 0}, func(x, w, _ float64) float64 { return max(x*w, 0) }, func(b, _ float64) float64 { return max(b, 0) }, 1e-6},
	{Gamma{0.5}, func(x, w, z float64) float64 { return favored(x*w, z) }, favored, 1e-6},
	{Flat{}, func(_, w, _ float64) float64 {
		if w != 0 {
			return 1
		}
		return 0
	}, func(_, _ float64) float64 { return 0 }, 1e-6},
	{WSquare{}, func(_, w, _ float64) float64 { return w * w }, func(b, _ float64) float64 { return b * b }, 1e-6},
	{ZBox{[3]float32{-2, -2, -2}, [3]float32{3, 3, 3}}, func(x, w, _ float64) float64 {
		return x*w + 2*max(w, 0) - 3*min(w, 0)
	}, func(_, _ float64) float64 { return 0 }, 1e-6},
}

// favored is half as much again of what agrees with z's sign.
func favored(share, z float64) float64 {
	if share > 0 == (z > 0) {
		return 1.5 * share
	}
	return share
}

func (m matrix) share(x, r []float64, term func(x, w, z float64) float64, bias func(b, z float64) float64, eps float64) []float64 {
	out := make([]float64, len(x))
	for j := range m.b {
		z := m.b[j]
		for i := range x {
			z += x[i] * m.w[i][j]
		}
		sum := bias(m.b[j], z)
		for i := range x {
			sum += term(x[i], m.w[i][j], z)
		}
		for i := range x {
			out[i] += term(x[i], m.w[i][j], z) / stable(sum, eps) * r[j]
		}
	}
	return out
}

// functionOf is what a layer does to one image, slowly.
func functionOf(l Named, values map[string][]float32) func(grid) grid {
	v := func(role string) []float32 { return values[l.Name+"/"+role] }
	switch layer := l.Layer.(type) {
	case *Conv2D:
		return func(g grid) grid { return convolve(g, layer, v("kernel"), v("bias")) }
	case *DepthwiseConv2D:
		return func(g grid) grid { return convolveEach(g, layer, v("kernel"), v("bias")) }
	case *Normalization:
		return func(g grid) grid { return standardize(g, layer) }
	case *Dense:
		return func(g grid) grid {
			out := newGrid(1, 1, layer.Units)
			for u := range out.v {
				out.v[u] = float64(v("bias")[u])
				for i, x := range g.v {
					out.v[u] += x * float64(v("kernel")[i*layer.Units+u])
				}
			}
			return out
		}
	case *Rescaling:
		return func(g grid) grid { return rescale(g, layer) }
	case *ZeroPadding2D:
		return func(g grid) grid { return surround(g, layer.Size) }
	case *BatchNormalization:
		_, epsilon := layer.settings()
		return func(g grid) grid {
			return normalize(g, wide(v("moving_mean")), wide(v("moving_variance")), v("gamma"), v("beta"), epsilon)
		}
	case *AveragePool2D:
		return func(g grid) grid { return pool(g, layer.Size, layer.Stride, layer.Padding, mean) }
	case *GlobalAveragePool2D:
		return func(g grid) grid { m, _ := moments([]grid{g}); return grid{1, 1, g.c, m} }
	}
	return func(g grid) grid { return g } // dropout, flatten
}

// ruleCases are the ways a rule may meet a layer: the layers from the image to
// the output of the rule step under test.
func ruleCases() map[string][]Named {
	conv := func(size, stride int, p Padding) Named {
		return Named{"conv", &Conv2D{Filters: 4, Kernel: size, Stride: stride, Padding: p}}
	}
	unbiased := Named{"conv", &Conv2D{Filters: 4, Kernel: 3, Stride: 1, Padding: Same, UseBias: new(false)}}
	depthwise := Named{"depthwise", &DepthwiseConv2D{Kernel: 3, Stride: 2, Padding: Same}}
	norm := Named{"norm", &Normalization{Mean: []float64{1, -2, 0.5}, Std: []float64{0.5, 2, 3}}}
	scale, pad := Named{"scale", &Rescaling{Scale: 0.5, Offset: -1.5}}, Named{"pad", &ZeroPadding2D{Size: 2}}
	bn, flatten, drop := Named{"bn", &BatchNormalization{}}, Named{"flatten", &Flatten{}}, Named{"drop", &Dropout{Rate: 0.5}}
	return map[string][]Named{
		"convolution":                     {conv(3, 1, Same)},
		"convolution, strided":            {conv(4, 3, Same)},
		"convolution, valid":              {conv(3, 2, Valid)},
		"depthwise":                       {depthwise},
		"depthwise, normalized":           {depthwise, bn},
		"normalized depthwise":            {bn, depthwise},
		"depthwise on both sides":         {scale, pad, depthwise, bn},
		"image normalized":                {norm, conv(3, 2, Same)},
		"dense":                           {flatten, {"dense", &Dense{Units: 5}}},
		"convolution, normalized":         {conv(3, 1, Same), bn},
		"normalized convolution, padded":  {bn, conv(3, 1, Same)},
		"normalized convolution, strided": {bn, drop, conv(4, 3, Same)},
		"normalized dense":                {bn, drop, flatten, {"dense", &Dense{Units: 5}}},
		"normalized on both sides":        {bn, conv(3, 2, Same), {"bn2", &BatchNormalization{Epsilon: 0.01}}},
		"normalization alone":             {bn},
		"convolution without bias":        {unbiased},
		"without bias, normalized":        {scale, unbiased, bn},
		"rescaled convolution":            {scale, conv(3, 2, Same)},
		"rescaled and padded":             {scale, pad, conv(3, 1, Valid), bn},
		"padded":                          {pad, conv(4, 3, Valid)},
		"rescaled dense":                  {scale, flatten, {"dense", &Dense{Units: 5}}},
		"rescaling alone":                 {scale},
		"average pooling":                 {{"pool", &AveragePool2D{3, 2, Same}}},
		"global average pooling":          {{"gap", &GlobalAveragePool2D{}}},
	}
}

func TestRuleTwins(t *testing.T) {
	in := Shape{5, 6, 3}
	for name, layers := range ruleCases() {
		t.Run(name, func(t *testing.T) {
			// A ReLU ends the step: no layer above is merged into it.
			top := []Named{{"end", &ReLU{}}, {"last", &Flatten{}}, {"fc", &Dense{Units: 2}}}
			a := Architecture{Name: "twin", Input: in, Layers: append(slices.Clone(layers), top...)}
			values := randomWeights(t, a, 5, true)
			n, err := CompileFrozen(a, values)
			if err != nil {
				t.Fatal(err)
			}
			out := n.outputs[len(layers)-1].Shape()
			r := n.Graph.Placeholder("r", graph.Float, out)
			folding := make([]Rule, len(a.Layers))
			for i := range folding {
				folding[i] = Fold{}
			}
			path := n.steps.path(folding, -1)
			path = slices.DeleteFunc(path, func(s ruleStep) bool { return s.layer >= len(layers) || s.rule == (Pass{}) })
			step := path[0] // the layers below it only rearrange
			kernel := n.steps.weighted(step.layer)
			function := func(g grid) grid {
				for _, l := range layers {
					g = functionOf(l, values)(g)
				}
				return g
			}
			m := matrixOf(function, in)
			const batch = 2
			x := spread(batch*in.Elements(), 1)
			above := spread(batch*out[1:].Elements(), 2)

			var fetch []graph.Tensor
			var wants [][]float32
			var names []string
			add := func(rule Rule, twin func(x, r []float64) []float64) {
				g := n.Graph.In("twin")
				signal := n.skipFolded(g, step, rule.Propagate(n.foldedLayer(g, step, step.inputs[0]), r))
				fetch = append(fetch, n.Graph.Reshape(signal, graph.Shape{-1, in.Elements()}))
				names = append(names, fmt.Sprintf("%#v", rule))
				var want []float64
				for i := range batch {
					size := out[1:].Elements()
					want = append(want, twin(wide(x[i*in.Elements():(i+1)*in.Elements()]), wide(above[i*size:(i+1)*size]))...)
				}
				wants = append(wants, narrow(want))
			}
			for _, test := range ruleTwins {
				if _, ok := test.rule.(needsKernel); ok && !kernel {
					continue
				}
				add(test.rule, func(x, r []float64) []float64 { return m.share(x, r, test.term, test.bias, test.eps) })
			}
			if kernel {
				add(AlphaBeta{3, 2}, func(x, r []float64) []float64 {
					plus := m.share(x, r, func(x, w, _ float64) float64 { return max(x*w, 0) }, func(b, _ float64) float64 { return max(b, 0) }, 1e-6)
					minus := m.share(x, r, func(x, w, _ float64) float64 { return min(x*w, 0) }, func(b, _ float64) float64 { return min(b, 0) }, 1e-6)
					for i := range plus {
						plus[i] = 3*plus[i] - 2*minus[i]
					}
					return plus
				})
			} else {
				add(Fold{}, func(x, r []float64) []float64 { return m.share(x, r, ruleTwins[0].term, ruleTwins[0].bias, 1e-6) })
			}
			got := runGraph(t, n.Graph, []graph.Feed{
				{To: n.Image, Value: graph.FromFloat32s(append(graph.Shape{batch}, in...), x)},
				{To: r, Value: graph.FromFloat32s(append(graph.Shape{batch}, out[1:]...), above)},
			}, fetch)
			for i := range got {
				near(t, names[i], got[i], wants[i], 1e-4)
			}
		})
	}
}

func runGraph(t *testing.T, g *graph.Graph, feeds []graph.Feed, fetch []graph.Tensor) [][]float32 {
	t.Helper()
	if err := g.Err(); err != nil {
		t.Fatal(err)
	}
	s, err := g.NewSession(graph.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	values, err := s.Run(t.Context(), feeds, fetch)
	if err != nil {
		t.Fatal(err)
	}
	out := make([][]float32, len(values))
	for i, v := range values {
		out[i] = v.Float32s()
	}
	return out
}
