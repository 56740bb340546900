package tfmodel

import "oscar/internal/graph"

// site is where a rule works: one layer, or one merged with an affine layer
// before or after it (see [Fold]).
type site struct {
	*Builder
	of           Layer
	x, y         graph.Tensor
	kernel, bias graph.Tensor // only of a layer that has a kernel; bias may vary over the image
	positive     bool         // x, after a ReLU, is nowhere negative
	input        Shape        // of x, before lead
	lead         func(graph.Tensor) graph.Tensor
}

// site finds a leg in the graph. from is the step whose output the leg takes.
func (n *Network) site(g *graph.Graph, l leg, from int) site {
	step := n.steps[l.layer]
	s := site{
		Builder: n.builder(g, l.layer), of: step.layer,
		x: n.output(from), y: n.output(l.layer), positive: n.steps.positive(from),
		input: step.in, lead: func(x graph.Tensor) graph.Tensor { return x },
	}
	if !n.steps.weighted(l.layer) {
		return s
	}
	s.kernel = s.Param("kernel")
	if s.declared("bias") {
		s.bias = s.Param("bias")
	} else {
		s.bias = s.Fill(graph.Shape{s.kernel.Shape()[len(s.kernel.Shape())-1]}, 0)
	}
	if l.before >= 0 {
		n.foldBefore(&s, g, l)
	}
	if l.after >= 0 {
		scale, shift := n.affine(g, l.after)
		s.kernel, s.bias = s.Mul(s.kernel, scale), s.Add(s.Mul(s.bias, scale), shift)
		s.y = n.output(l.after)
	}
	return s
}

// foldBefore lets the site begin before the steps that are folded into it.
func (n *Network) foldBefore(s *site, g *graph.Graph, l leg) {
	first := l.before
	_, scales := n.steps[first].layer.(affine)
	if scales {
		first++
	}
	s.lead = func(x graph.Tensor) graph.Tensor {
		for i := first; i < l.layer; i++ {
			x = n.steps[i].layer.Apply(n.builder(g, i), x)
		}
		return x
	}
	s.x, s.input = s.lead(s.x), n.steps[l.before].in
	if !scales {
		return
	}
	scale, shift := n.affine(g, l.before)
	s.bias = s.apply(s.picture(shift), s.kernel, s.bias)
	inputs := s.kernel.Shape()[len(s.kernel.Shape())-2] // channels, or those of every position
	repeated := s.Mul(s.Fill(graph.Shape{inputs / scale.Shape()[0], 1}, 1), scale)
	s.kernel = s.Mul(s.kernel, s.Reshape(repeated, graph.Shape{inputs, 1}))
}

// affine returns a layer's scale and shift by channel.
func (n *Network) affine(g *graph.Graph, i int) (scale, shift graph.Tensor) {
	s := n.steps[i]
	return s.layer.(affine).affine(n.builder(g, i), s.in[len(s.in)-1])
}

// builder adds operations for a layer, below g.
func (n *Network) builder(g *graph.Graph, i int) *Builder {
	name := n.steps[i].name
	return &Builder{Graph: g.In(name), layer: name, vars: n.vars}
}

// output is a layer's output; -1 is the image.
func (n *Network) output(i int) graph.Tensor {
	if i < 0 {
		return n.Image
	}
	return n.outputs[i]
}

// apply returns x times the kernel, plus the bias if it is one.
func (s site) apply(x, kernel, bias graph.Tensor) graph.Tensor {
	z := s.of.(weighted).product(s.Builder, x, kernel)
	if bias.Valid() {
		z = s.Add(z, bias)
	}
	return z
}

// transposed returns dz times the transposed kernel. Of a layer that has none
// but is linear, as the mean is, it is the layer's own transpose.
func (s site) transposed(kernel, dz graph.Tensor) graph.Tensor {
	if !kernel.Valid() {
		return s.of.Backward(s.Builder, s.x, s.y, dz)
	}
	return s.of.(weighted).transposed(s.Builder, s.x, kernel, dz)
}

// ratio is r/z with z kept away from zero.
func (s site) ratio(r, z graph.Tensor, epsilon float32) graph.Tensor {
	if epsilon != 0 {
		sign := s.Select(s.GreaterEqual(z, s.Scalar(0)), s.Scalar(epsilon), s.Scalar(-epsilon))
		z = s.Add(z, sign)
	}
	return s.DivNoNan(r, z)
}

// picture is one example with the same value, given by channel, at every
// position of what the site takes, laid as x is.
func (s site) picture(channels graph.Tensor) graph.Tensor {
	n := channels.Shape()[0]
	flat := s.Mul(s.Fill(graph.Shape{1, s.input.Elements() / n, 1}, 1), channels)
	return s.lead(s.Reshape(flat, append(graph.Shape{1}, s.input...)))
}
