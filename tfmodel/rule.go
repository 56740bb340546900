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
