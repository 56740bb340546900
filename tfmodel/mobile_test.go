package tfmodel

import (
	"math"
	"slices"
	"testing"

	"oscar/internal/graph"
)

// convolveEach convolves each channel with its own kernel.
func convolveEach(g grid, l *DepthwiseConv2D, kernel, bias []float32) grid {
	h, w := slide(g, l.Kernel, l.Stride, l.Padding, func(int, int, int, int, int, int) {})
	out := newGrid(h, w, g.c)
	for i := range out.v {
		if l.hasBias() {
			out.v[i] = float64(bias[i%g.c])
		}
	}
	slide(g, l.Kernel, l.Stride, l.Padding, func(oy, ox, i, j, y, x int) {
		for c := range g.c {
			*out.at(oy, ox, c) += *g.at(y, x, c) * float64(kernel[(i*l.Kernel+j)*g.c+c])
		}
	})
	return out
}

func standardize(g grid, l *Normalization) grid {
	return elementwise(g, func(i int, v float64) float64 { return (v - l.Mean[i%g.c]) / l.Std[i%g.c] })
}

// elementwise maps each value.
func elementwise(g grid, f func(i int, v float64) float64) grid {
	out := newGrid(g.h, g.w, g.c)
	for i, v := range g.v {
		out.v[i] = f(i, v)
	}
	return out
}

func sigmoid(v float64) float64       { return 1 / (1 + math.Exp(-v)) }
func hardSigmoid64(v float64) float64 { return min(max(v+3, 0), 6) / 6 }
func swish64(v float64) float64       { return v * sigmoid(v) }
func relu64(v float64) float64        { return max(v, 0) }

// excite is squeeze and excitation.
func excite(g grid, p map[string][]float32, activation, gate func(float64) float64) grid {
	means, _ := moments([]grid{g})
	dense := func(x []float64, name string, f func(float64) float64) []float64 {
		y := make([]float64, len(p[name+"/bias"]))
		for j := range y {
			y[j] = float64(p[name+"/bias"][j])
			for i, v := range x {
				y[j] += v * float64(p[name+"/kernel"][i*len(y)+j])
			}
			y[j] = f(y[j])
		}
		return y
	}
	gates := dense(dense(means, "reduce", activation), "expand", gate)
	return elementwise(g, func(i int, v float64) float64 { return v * gates[i%g.c] })
}

// layerNorm normalizes the channels of each position.
func layerNorm(g grid, gamma, beta []float32, epsilon float64) grid {
	out := newGrid(g.h, g.w, g.c)
	for at := 0; at < len(g.v); at += g.c {
		values := g.v[at : at+g.c]
		m, variance := mean(values), 0.0
		for _, v := range values {
			variance += (v - m) * (v - m) / float64(g.c)
		}
		for c, v := range values {
			out.v[at+c] = float64(gamma[c])*(v-m)/math.Sqrt(variance+epsilon) + float64(beta[c])
		}
	}
	return out
}

func TestDepthwiseTwin(t *testing.T) {
	in := Shape{7, 6, 3}
	forEachWindow(func(size, stride int, p Padding) {
		l := &DepthwiseConv2D{Kernel: size, Stride: stride, Padding: p}
		r := newRig(t, l, in, false)
		at := r.point(2)
		want := each(images(at.x, in), func(g grid) grid { return convolveEach(g, l, at.params["kernel"], at.params["bias"]) })
		twin(t, l, "output, windows and strides", r.apply(at), want)
	})
}

func TestElementwiseTwins(t *testing.T) {
	in := Shape{5, 6, 8}
	plain := func(f func(float64) float64) func(grid, point) grid {
		return func(g grid, _ point) grid {
			return elementwise(g, func(_ int, v float64) float64 { return f(v) })
		}
	}
	for _, test := range []struct {
		layer Layer
		twin  func(grid, point) grid
	}{
		{&ReLU{MaxValue: 6}, plain(func(v float64) float64 { return min(max(v, 0), 6) })},
		{&ReLU{MaxValue: 2}, plain(func(v float64) float64 { return min(max(v, 0), 2) })},
		{&Swish{}, plain(swish64)},
		{&HardSwish{}, plain(func(v float64) float64 { return v * hardSigmoid64(v) })},
		{&SqueezeExcitation{Units: 3}, func(g grid, at point) grid { return excite(g, at.params, relu64, sigmoid) }},
		{&SqueezeExcitation{Units: 2, Activation: "swish", Gate: "hard_sigmoid"}, func(g grid, at point) grid { return excite(g, at.params, swish64, hardSigmoid64) }},
		{&LayerNormalization{}, func(g grid, at point) grid { return layerNorm(g, at.params["gamma"], at.params["beta"], 1e-3) }},
		{&LayerNormalization{Epsilon: 0.25}, func(g grid, at point) grid { return layerNorm(g, at.params["gamma"], at.params["beta"], 0.25) }},
		{&Normalization{Mean: []float64{0, 1, 2, 3, 4, 5, 6, -7}, Std: []float64{1, 2, 3, 4, 0.5, 6, 7, 8}}, func(g grid, _ point) grid {
			return standardize(g, &Normalization{Mean: []float64{0, 1, 2, 3, 4, 5, 6, -7}, Std: []float64{1, 2, 3, 4, 0.5, 6, 7, 8}})
		}},
	} {
		r := newRig(t, test.layer, in, false)
		at := r.point(2)
		twin(t, test.layer, "output", r.apply(at), each(images(at.x, in), func(g grid) grid { return test.twin(g, at) }))
	}
}

// Relevance through a layer normalization, whose variance is taken as a constant: the rule of
// LRP-0 for the matrix gamma_j (delta_ij - 1/n) / deviation.
func TestLayerNormalizationRelevance(t *testing.T) {
	const n = 6
	a := Architecture{Name: "norm", Input: Shape{1, 1, n}, Layers: []Named{
		{"ln", &LayerNormalization{Epsilon: 0.5}}, {"flatten", &Flatten{}}, {"fc", &Dense{Units: 2}},
	}}
	values := randomWeights(t, a, 5, true)
	network, err := CompileFrozen(a, values)
	if err != nil {
		t.Fatal(err)
	}
	r := network.Graph.Placeholder("r", graph.Float, Shape{-1, 1, 1, n})
	step := ruleStep{layer: 0, rule: constantVariance{}, first: -1, after: -1}
	out := step.rule.Propagate(network.foldedLayer(network.Graph.In("rule"), step, -1), r)
	x, above := spread(n, 1), spread(n, 2)
	got := runGraph(t, network.Graph, []graph.Feed{
		{To: network.Image, Value: graph.FromFloat32s(Shape{1, 1, 1, n}, x)}, {To: r, Value: graph.FromFloat32s(Shape{1, 1, 1, n}, above)},
	}, []Tensor{out})
	gamma, beta := values["ln/gamma"], values["ln/beta"]
	m, variance := mean(wide(x)), 0.0
	for _, v := range x {
		variance += (float64(v) - m) * (float64(v) - m) / n
	}
	linear := matrix{b: wide(beta)}
	for i := range n {
		row := make([]float64, n)
		for j := range n {
			row[j] = -float64(gamma[j]) / n / math.Sqrt(variance+0.5)
			if i == j {
				row[j] += float64(gamma[j]) / math.Sqrt(variance+0.5)
			}
		}
		linear.w = append(linear.w, row)
	}
	near(t, "relevance", got[0], narrow(linear.share(wide(x), wide(above), ruleTwins[0].term, ruleTwins[0].bias, 1e-6)), 1e-5)
}

// The presets treat a depthwise convolution as a convolution.
func TestPresetsOfDepthwiseConvolutions(t *testing.T) {
	a := Architecture{Name: "separable", Input: Shape{8, 8, 3}, Layers: []Named{
		{"conv", &Conv2D{Filters: 4, Kernel: 3, Stride: 1, Padding: Same}}, {"relu", &ReLU{MaxValue: 6}},
		{"depthwise", &DepthwiseConv2D{Kernel: 3, Stride: 1, Padding: Same}}, {"pointwise", &Conv2D{Filters: 5, Kernel: 1, Stride: 1, Padding: Same}},
		{"gap", &GlobalAveragePool2D{}}, {"fc", &Dense{Units: 2}},
	}}
	c, err := LookupLRP("epsilon_plus_flat")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := c.rules(laid(t, a))
	if err != nil {
		t.Fatal(err)
	}
	want := []Rule{Flat{}, LayerRule{}, zPlus, zPlus, LayerRule{}, LayerRule{}}
	want[1], want[4], want[5] = Pass{}, Epsilon{stabilizer}, Epsilon{stabilizer}
	if !slices.Equal(rules, want) {
		t.Errorf("rules are %v, want %v", rules, want)
	}
}
