package tfmodel

import (
	"slices"

	"oscar/internal/graph"
)

// Fold is for batch normalisation, which in inference is y = a x + s for each
// channel. It merges it with a layer that has a kernel, so that the two share
// out relevance as the one linear layer that they are together:
//
//   - Into the convolution or dense layer right before it: kernel a w, bias
//     a b + s, output y, as zennit's canonizers do. At that layer's output the
//     relevance is the one at y.
//   - Else into the one after it, past dropout and flatten: input x, kernel
//     a w, bias b + sum_i s_i w_i, output unchanged. That holds at the border,
//     too, although zeros are padded to y and not to x: padding adds nothing to
//     z, neither by a x w nor by s w. Only the bias is no longer the same at
//     every position there; it is computed, as the convolution of an image of
//     s. AlexNet02 (conv, relu, pool, bn, conv) is such a network, for which
//     zennit passes relevance by as if a were 1 and s 0.
//   - Else, as between two nonlinear layers, it is a linear layer of its own
//     and [Epsilon] holds.
//
// Whichever, the relevance of the shift s is kept like a bias's.
type Fold struct{}

func (Fold) back(s site, r graph.Tensor) graph.Tensor { return Epsilon{stabilizer}.back(s, r) }

// leg is one rule on the way back, before it is in a graph.
type leg struct {
	layer         int
	rule          Rule
	before, after int // batch normalisations folded in; -1 for none
}

// route lists the legs from the logits back to the output of layer to, -1 for
// the image. A normalisation that ends there, or whose partner lies beyond, is
// not folded into the layers above.
func (a Architecture) route(rules []Rule, to int) []leg {
	into := a.folds(rules)
	after := -1
	var legs []leg
	for k := len(a.Layers) - 1; k > to; k-- {
		if into[k] == k-1 {
			after = k
			continue
		}
		l := leg{k, rules[k], -1, after}
		after = -1
		for j := k - 1; j > to; j-- {
			if into[j] == k {
				l.before, k = j, j
			}
		}
		legs = append(legs, l)
	}
	return legs
}

// folds says of each layer which one it is folded into; -2 for none.
func (a Architecture) folds(rules []Rule) []int {
	into := make([]int, len(a.Layers))
	for k := range into {
		into[k] = -2
		if _, ok := a.Layers[k].Layer.(*BatchNormalization); !ok || rules[k] != (Fold{}) {
			continue
		}
		if k > 0 && a.weighted(k-1) {
			into[k] = k - 1
			continue
		}
		j := k + 1
		for j < len(a.Layers) && a.plain(j) {
			j++
		}
		if j < len(a.Layers) && a.weighted(j) {
			into[k] = j
		}
	}
	return into
}

// weighted reports whether a layer is linear with a kernel.
func (a Architecture) weighted(i int) bool {
	switch a.Layers[i].Layer.(type) {
	case *Conv2D, *Dense:
		return true
	}
	return false
}

// plain reports whether a layer changes no value, in inference.
func (a Architecture) plain(i int) bool {
	switch a.Layers[i].Layer.(type) {
	case *Dropout, *Flatten:
		return true
	}
	return false
}

// positive reports whether a layer's output is nowhere negative by its make.
func (a Architecture) positive(i int) bool {
	for ; i >= 0; i-- {
		switch a.Layers[i].Layer.(type) {
		case *ReLU:
			return true
		case *MaxPool2D, *AveragePool2D, *GlobalAveragePool2D, *Dropout, *Flatten:
		default:
			return false
		}
	}
	return false // the image may have been shifted
}

// normalised reports whether batch normalisation comes before a layer.
func (a Architecture) normalised(i int) bool {
	return slices.ContainsFunc(a.Layers[:i], func(l Named) bool {
		_, ok := l.Layer.(*BatchNormalization)
		return ok
	})
}

// site finds a leg in the graph.
func (n *Network) site(g *graph.Graph, l leg) site {
	s := site{
		Builder:  n.builder(g, l.layer),
		of:       n.Architecture.Layers[l.layer].Layer,
		x:        n.output(l.layer - 1),
		y:        n.output(l.layer),
		positive: n.Architecture.positive(l.layer - 1),
	}
	if !n.Architecture.weighted(l.layer) {
		return s
	}
	s.kernel, s.bias = s.Param("kernel"), s.Param("bias")
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

func (n *Network) foldBefore(s *site, g *graph.Graph, l leg) {
	scale, shift := n.affine(g, l.before)
	x := n.output(l.before - 1)
	area := graph.Shape{1, x.Shape()[1], x.Shape()[2], 1}
	picture := s.Mul(s.Fill(area, 1), shift)
	for i := l.before + 1; i < l.layer; i++ {
		b := n.builder(g, i)
		x, picture = n.Architecture.Layers[i].Layer.Apply(b, x), n.Architecture.Layers[i].Layer.Apply(b, picture)
	}
	s.x, s.positive = x, n.Architecture.positive(l.before-1)
	s.bias = s.apply(picture, s.kernel, s.bias)
	inputs := s.kernel.Shape()[len(s.kernel.Shape())-2] // channels, or those of every position
	repeated := s.Mul(s.Fill(graph.Shape{inputs / scale.Shape()[0], 1}, 1), scale)
	s.kernel = s.Mul(s.kernel, s.Reshape(repeated, graph.Shape{inputs, 1}))
}

// affine returns a batch normalisation's scale and shift by channel.
func (n *Network) affine(g *graph.Graph, i int) (scale, shift graph.Tensor) {
	b := n.builder(g, i)
	scale = n.Architecture.Layers[i].Layer.(*BatchNormalization).scale(b)
	return scale, b.Sub(b.Param("beta"), b.Mul(b.Param("moving_mean"), scale))
}

// builder adds operations for a layer, below g.
func (n *Network) builder(g *graph.Graph, i int) *Builder {
	name := n.Architecture.Layers[i].Name
	return &Builder{Graph: g.In(name), layer: name, vars: n.vars}
}

// output is a layer's output; -1 is the image.
func (n *Network) output(i int) graph.Tensor {
	if i < 0 {
		return n.Image
	}
	return n.taps[i].out
}
