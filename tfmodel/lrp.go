package tfmodel

import "oscar/internal/graph"

// stabilizer is what the rules that have no epsilon of their own add to their
// denominators.
const stabilizer = 1e-6

// Epsilon shares by contribution (Bach et al. 2015):
//
//	R_i = sum_j x_i w_ij / (z_j + epsilon sign(z_j)) R_j
//
// An epsilon of zero is LRP-0; outputs that are zero then hand on nothing. It
// is for every layer that is linear, pooling by the mean among them.
//
// Bias and epsilon keep their share. Where |z| is far below |x_i w_ij|, shares
// are large and of both signs: relevance then grows on its way down.
type Epsilon struct{ Epsilon float32 }

func (e Epsilon) back(s site, r graph.Tensor) graph.Tensor {
	return s.Mul(s.x, s.transposed(s.kernel, s.ratio(r, s.y, e.Epsilon)))
}

// AlphaBeta shares what is positive and what is negative apart (Bach et al.
// 2015), Alpha - Beta = 1:
//
//	R_i = sum_j (Alpha (x_i w_ij)+ / sum_i (x_i w_ij)+ - Beta (x_i w_ij)- / sum_i (x_i w_ij)-) R_j
//
// The bias's positive part is among the positive shares, its negative part
// among the negative ones.
type AlphaBeta struct{ Alpha, Beta float32 }

func (AlphaBeta) weighs() {}

func (a AlphaBeta) back(s site, r graph.Tensor) graph.Tensor {
	up, down := s.parts(s.kernel)
	plus, minus := s.parts(s.bias)
	out := s.Mul(s.Scalar(a.Alpha), s.share(r, up, down, plus))
	if a.Beta != 0 {
		out = s.Sub(out, s.Mul(s.Scalar(a.Beta), s.share(r, down, up, minus)))
	}
	return out
}

// Gamma favours what agrees with the output's sign (Montavon et al. 2019,
// doi:10.1007/978-3-030-28954-6_10, for positive x and z):
//
//	R_i = sum_j x_i (w_ij + Gamma w_ij+) / sum_i x_i (w_ij + Gamma w_ij+) R_j
//
// Where x_i is negative it is w_ij- that is favoured, and where z_j is
// negative the two change places (Andeol et al. 2021, arXiv:2106.04923).
// Outputs that are zero hand on nothing. The bias counts as a weight of an
// input 1.
type Gamma struct{ Gamma float32 }

func (Gamma) weighs() {}

func (g Gamma) back(s site, r graph.Tensor) graph.Tensor {
	favour := func(w, part graph.Tensor) graph.Tensor { return s.Add(w, s.Mul(s.Scalar(g.Gamma), part)) }
	up, down := s.parts(s.kernel)
	up, down = favour(s.kernel, up), favour(s.kernel, down)
	plus, minus := s.parts(s.bias)
	zero := s.Scalar(0)
	positive := s.share(s.Select(s.Greater(s.y, zero), r, zero), up, down, favour(s.bias, plus))
	negative := s.share(s.Select(s.Less(s.y, zero), r, zero), down, up, favour(s.bias, minus))
	return s.Add(positive, negative)
}

// ZBox is for the layer on the image, whose values lie in a box from Low to
// High, a number a channel, in the image's raw scale (Montavon et al. 2017,
// arXiv:1512.02479):
//
//	R_i = sum_j (x_i w_ij - Low w_ij+ - High w_ij-) / sum_i (the same) R_j
//
// The bias has no share: all relevance is handed on.
type ZBox struct{ Low, High [3]float32 }

func (ZBox) weighs() {}

func (z ZBox) back(s site, r graph.Tensor) graph.Tensor {
	up, down := s.parts(s.kernel)
	type product struct{ x, kernel graph.Tensor }
	terms := []product{{s.x, s.kernel}}
	for _, bound := range []struct {
		at     [3]float32
		kernel graph.Tensor
	}{{z.Low, up}, {z.High, down}} {
		if bound.at != [3]float32{} { // a bound of zero has no part
			color := s.Const(graph.FromFloat32s(graph.Shape{len(bound.at)}, bound.at[:]))
			terms = append(terms, product{s.picture(color), bound.kernel})
		}
	}
	sum := func(of func(product) graph.Tensor) graph.Tensor {
		total := of(terms[0])
		for _, t := range terms[1:] {
			total = s.Sub(total, of(t))
		}
		return total
	}
	c := s.ratio(r, sum(func(p product) graph.Tensor { return s.apply(p.x, p.kernel, graph.Tensor{}) }), stabilizer)
	return sum(func(p product) graph.Tensor { return s.Mul(p.x, s.transposed(p.kernel, c)) })
}

// Flat shares equally among the inputs of each output, whatever they are
// (Lapuschkin et al. 2019, doi:10.1038/s41467-019-08987-4): it asks only where
// the layer looked. All relevance is handed on.
type Flat struct{}

func (Flat) weighs() {}

func (Flat) back(s site, r graph.Tensor) graph.Tensor {
	return s.blind(r, s.Fill(s.kernel.Shape(), 1), graph.Tensor{})
}

// WSquare shares by the squared weight, whatever the inputs are (Montavon et
// al. 2017, arXiv:1512.02479). The bias has its share.
type WSquare struct{}

func (WSquare) weighs() {}

func (WSquare) back(s site, r graph.Tensor) graph.Tensor {
	return s.blind(r, s.Square(s.kernel), s.Square(s.bias))
}

// blind shares by a kernel alone, as if every input were 1.
func (s site) blind(r, kernel, bias graph.Tensor) graph.Tensor {
	ones := s.lead(s.Fill(append(graph.Shape{1}, s.input...), 1))
	return s.transposed(kernel, s.ratio(r, s.apply(ones, kernel, bias), stabilizer))
}

// share shares r by x+ up + x- down, out of the sum of all and the bias.
func (s site) share(r, up, down, bias graph.Tensor) graph.Tensor {
	if s.positive { // then the other half is zero
		c := s.ratio(r, s.apply(s.x, up, bias), stabilizer)
		return s.Mul(s.x, s.transposed(up, c))
	}
	plus, minus := s.parts(s.x)
	z := s.Add(s.apply(plus, up, bias), s.apply(minus, down, graph.Tensor{}))
	c := s.ratio(r, z, stabilizer)
	return s.Add(s.Mul(plus, s.transposed(up, c)), s.Mul(minus, s.transposed(down, c)))
}

// parts are max(x,0) and min(x,0).
func (s site) parts(x graph.Tensor) (plus, minus graph.Tensor) {
	return s.Relu(x), s.Minimum(x, s.Scalar(0))
}
