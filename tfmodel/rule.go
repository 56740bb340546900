package tfmodel

import "oscar/internal/graph"

// A Rule carries a signal back through one layer: from its output y to its
// input x. The gradient is one ([Gradient]), the rules of layer-wise relevance
// propagation (LRP; Bach et al. 2015, doi:10.1371/journal.pone.0130140) are
// others. A rule is a plain value, and its zero fields mean zero.
//
// The rules of LRP look at a layer as z_j = sum_i x_i w_ij + b_j and share out
// the relevance R_j of each output among its inputs. They agree with zennit's,
// down to what becomes of the bias: it has a share like an input, which is not
// handed on, so that the sum of R shrinks or grows by it. Every denominator is
// kept away from zero by adding to it, with its sign, where sign(0) = +1.
type Rule interface {
	back(s site, r graph.Tensor) graph.Tensor
}

// A weighing rule is one that looks at the kernel: it is for convolutions and
// dense layers only.
type weighing interface{ weighs() }

// site is where a rule works: one layer, or one merged with a batch
// normalisation before or after it (see [Fold]).
type site struct {
	*Builder
	of           Layer
	x, y         graph.Tensor
	kernel, bias graph.Tensor // only of a layer that has them; bias may vary over the image
	positive     bool         // x, after a ReLU, is nowhere negative
}

// apply returns x times the kernel, plus the bias if it is one.
func (s site) apply(x, kernel, bias graph.Tensor) graph.Tensor {
	if len(bias.Shape()) == 1 {
		return s.of.Apply(s.with(kernel, bias), x)
	}
	width := kernel.Shape()[len(kernel.Shape())-1]
	z := s.of.Apply(s.with(kernel, s.Fill(graph.Shape{width}, 0)), x)
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
	return s.of.Backward(s.with(kernel, graph.Tensor{}), s.x, s.y, dz)
}

// with returns a builder that takes these for the layer's parameters.
func (s site) with(kernel, bias graph.Tensor) *Builder {
	vars := &variables{byName: map[string]*graph.Variable{
		s.layer + "/kernel": {Value: kernel},
		s.layer + "/bias":   {Value: bias},
	}}
	return &Builder{Graph: s.Graph, layer: s.layer, vars: vars}
}

// ratio is r/z with z kept away from zero.
func (s site) ratio(r, z graph.Tensor, epsilon float32) graph.Tensor {
	if epsilon != 0 {
		sign := s.Select(s.GreaterEqual(z, s.Scalar(0)), s.Scalar(epsilon), s.Scalar(-epsilon))
		z = s.Add(z, sign)
	}
	return s.DivNoNan(r, z)
}

// Gradient is the layer's own derivative. For dropout and flatten that passes
// relevance on as it is; for max pooling the winner takes all.
type Gradient struct{}

func (Gradient) back(s site, r graph.Tensor) graph.Tensor {
	return s.of.Backward(s.Builder, s.x, s.y, r)
}

// Pass hands the signal on as it is, past a layer that changes no shape.
type Pass struct{}

func (Pass) back(_ site, r graph.Tensor) graph.Tensor { return r }

// Guided is the derivative without what is negative in it: at a ReLU, guided
// backpropagation (Springenberg et al. 2014, arXiv:1412.6806),
// R_in = 1[x>0] 1[R>0] R.
type Guided struct{}

func (Guided) back(s site, r graph.Tensor) graph.Tensor {
	return s.of.Backward(s.Builder, s.x, s.y, s.Relu(r))
}
