package tfmodel

// A Rule propagates a signal back through one layer, from its output y to its input x. The
// derivative is a rule ([Gradient]). Layer-wise relevance propagation (LRP; Bach et al. 2015,
// doi:10.1371/journal.pone.0130140) has other rules. A rule is a plain value whose zero fields mean
// zero.
//
// The rules of LRP treat a layer as z_j = sum_i x_i w_ij + b_j. They distribute the relevance R_j of
// each output among the inputs of that output. They equal zennit's rules, also for the bias: it gets
// a share like an input, and this share is lost, so that the sum of R changes by it. Every
// denominator z becomes z + epsilon sign(z), where sign(0) = +1.
type Rule interface {
	// Propagate returns the signal at the input, with the shape of l.X. r is the signal at the output,
	// with the shape of l.Y.
	Propagate(l FoldedLayer, r Tensor) Tensor
}

// needsKernel marks rules that use single weights. They are only for [Weighted] layers.
type needsKernel interface{ needsKernel() }

// LayerRule stands for the layer's own rule, [Traits].LRP.
type LayerRule struct{}

// Propagate implements [Rule]. A [Composite] replaces each LayerRule before use.
func (LayerRule) Propagate(l FoldedLayer, r Tensor) Tensor {
	return l.Layer.Traits().LRP.Propagate(l, r)
}

// Gradient is the layer's derivative. Dropout and flatten pass relevance on unchanged. Max pooling
// gives all of it to the largest input.
type Gradient struct{}

func (Gradient) Propagate(l FoldedLayer, r Tensor) Tensor {
	return l.Layer.Backward(l.Builder, l.X, l.Y, r)
}

// Pass returns the signal unchanged. It is for layers that keep the shape.
type Pass struct{}

func (Pass) Propagate(_ FoldedLayer, r Tensor) Tensor { return r }

// Guided is the derivative applied to the positive part of the signal. At a ReLU it is guided
// backpropagation (Springenberg et al. 2014, arXiv:1412.6806): R_in = 1[x>0] 1[R>0] R.
type Guided struct{}

func (Guided) Propagate(l FoldedLayer, r Tensor) Tensor {
	return l.Layer.Backward(l.Builder, l.X, l.Y, l.Relu(r))
}

// stabilizer is the epsilon of rules that do not set one.
const stabilizer = 1e-6

// Epsilon shares by contribution (Bach et al. 2015):
//
//	R_i = sum_j x_i w_ij / (z_j + epsilon sign(z_j)) R_j
//
// It is for every linear layer, including average pooling. An epsilon of zero is LRP-0, in which
// zero outputs pass on nothing.
//
// Bias and epsilon keep their shares. If |z| is far below |x_i w_ij|, shares are large and of both
// signs, so that relevance grows on its way to the image.
type Epsilon struct{ Epsilon float32 }

func (e Epsilon) Propagate(l FoldedLayer, r Tensor) Tensor {
	return l.Mul(l.X, l.transposed(l.Kernel, l.ratio(r, l.Y, e.Epsilon)))
}

// AlphaBeta shares positive and negative contributions separately, with Alpha - Beta = 1 (Bach et
// al. 2015):
//
//	R_i = sum_j (Alpha (x_i w_ij)+ / sum_i (x_i w_ij)+ - Beta (x_i w_ij)- / sum_i (x_i w_ij)-) R_j
//
// The positive part of the bias counts among the positive shares, its negative part among
// the negative ones.
type AlphaBeta struct{ Alpha, Beta float32 }

func (AlphaBeta) needsKernel() {}

func (a AlphaBeta) Propagate(l FoldedLayer, r Tensor) Tensor {
	up, down := l.signParts(l.Kernel)
	plus, minus := l.signParts(l.Bias)
	out := l.Mul(l.Scalar(a.Alpha), l.share(r, up, down, plus))
	if a.Beta != 0 {
		out = l.Sub(out, l.Mul(l.Scalar(a.Beta), l.share(r, down, up, minus)))
	}
	return out
}

// Gamma favors contributions of the output's sign (Montavon et al. 2019,
// doi:10.1007/978-3-030-28954-6_10, for positive x and z):
//
//	R_i = sum_j x_i (w_ij + Gamma w_ij+) / sum_i x_i (w_ij + Gamma w_ij+) R_j
//
// If x_i is negative, w_ij- replaces w_ij+. If z_j is negative, the two are exchanged (Andeol et al.
// 2021, arXiv:2106.04923). Zero outputs pass on nothing. The bias counts as the weight of an input
// 1.
type Gamma struct{ Gamma float32 }

func (Gamma) needsKernel() {}

func (g Gamma) Propagate(l FoldedLayer, r Tensor) Tensor {
	favor := func(w, part Tensor) Tensor { return l.Add(w, l.Mul(l.Scalar(g.Gamma), part)) }
	up, down := l.signParts(l.Kernel)
	up, down = favor(l.Kernel, up), favor(l.Kernel, down)
	plus, minus := l.signParts(l.Bias)
	zero := l.Scalar(0)
	positive := l.share(l.Select(l.Greater(l.Y, zero), r, zero), up, down, favor(l.Bias, plus))
	negative := l.share(l.Select(l.Less(l.Y, zero), r, zero), down, up, favor(l.Bias, minus))
	return l.Add(positive, negative)
}

// ZBox is for the first layer, for an RGB image with values between Low and High. These have one
// number per channel, in the image's raw scale (Montavon et al. 2017, arXiv:1512.02479):
//
//	R_i = sum_j (x_i w_ij - Low w_ij+ - High w_ij-) / sum_i (the same) R_j
//
// The bias has no share: all relevance is passed on.
type ZBox struct{ Low, High [3]float32 }

func (ZBox) needsKernel() {}

func (z ZBox) Propagate(l FoldedLayer, r Tensor) Tensor {
	up, down := l.signParts(l.Kernel)
	type product struct{ x, kernel Tensor }
	terms := []product{{l.X, l.Kernel}}
	for _, bound := range []struct {
		color  [3]float32
		kernel Tensor
	}{{z.Low, up}, {z.High, down}} {
		if bound.color != [3]float32{} { // a bound of zero adds nothing
			color := l.Const(Floats(Shape{len(bound.color)}, bound.color[:]))
			terms = append(terms, product{l.constantInput(color), bound.kernel})
		}
	}
	difference := func(of func(product) Tensor) Tensor { // the first term less the others
		total := of(terms[0])
		for _, t := range terms[1:] {
			total = l.Sub(total, of(t))
		}
		return total
	}
	c := l.ratio(r, difference(func(p product) Tensor { return l.apply(p.x, p.kernel, Tensor{}) }), stabilizer)
	return difference(func(p product) Tensor { return l.Mul(p.x, l.transposed(p.kernel, c)) })
}

// Flat shares equally among the inputs of each output, for any values (Lapuschkin et al. 2019,
// doi:10.1038/s41467-019-08987-4). It shows where the layer looked. All relevance is passed on.
type Flat struct{}

func (Flat) needsKernel() {}

func (Flat) Propagate(l FoldedLayer, r Tensor) Tensor {
	return l.flatRule(r, l.Fill(l.Kernel.Shape(), 1), Tensor{})
}

// WSquare shares by the squared weight, for any values of the inputs (Montavon et al. 2017,
// arXiv:1512.02479). The bias has its share.
type WSquare struct{}

func (WSquare) needsKernel() {}

func (WSquare) Propagate(l FoldedLayer, r Tensor) Tensor {
	return l.flatRule(r, l.Square(l.Kernel), l.Square(l.Bias))
}

// flatRule shares by a kernel alone, as if every input were 1.
func (l FoldedLayer) flatRule(r, kernel, bias Tensor) Tensor {
	ones := l.rearrange(l.Fill(append(Shape{1}, l.in...), 1))
	return l.transposed(kernel, l.ratio(r, l.apply(ones, kernel, bias), stabilizer))
}

// share distributes r by x+ up + x- down, relative to the sum of all of these and the bias.
func (l FoldedLayer) share(r, up, down, bias Tensor) Tensor {
	if l.NonNegative { // x- is zero
		c := l.ratio(r, l.apply(l.X, up, bias), stabilizer)
		return l.Mul(l.X, l.transposed(up, c))
	}
	plus, minus := l.signParts(l.X)
	z := l.Add(l.apply(plus, up, bias), l.apply(minus, down, Tensor{}))
	c := l.ratio(r, z, stabilizer)
	return l.Add(l.Mul(plus, l.transposed(up, c)), l.Mul(minus, l.transposed(down, c)))
}

// signParts returns max(x,0) and min(x,0).
func (l FoldedLayer) signParts(x Tensor) (plus, minus Tensor) {
	return l.Relu(x), l.Minimum(x, l.Scalar(0))
}

// ratio returns r/z, with epsilon sign(z) added to z.
func (l FoldedLayer) ratio(r, z Tensor, epsilon float32) Tensor {
	if epsilon != 0 {
		sign := l.Select(l.GreaterEqual(z, l.Scalar(0)), l.Scalar(epsilon), l.Scalar(-epsilon))
		z = l.Add(z, sign)
	}
	return l.DivNoNan(r, z)
}
