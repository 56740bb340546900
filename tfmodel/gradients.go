package tfmodel

import (
	"errors"
	"fmt"
	"math"

	"oscar/internal/graph"
)

// Clipping limits the gradients of a step. The zero value does not. At most one field may be set.
type Clipping struct {
	// GlobalNorm is the maximum Euclidean norm of all gradients together. Longer ones are all scaled by
	// one factor (Pascanu et al. 2013, algorithm 1). It is Keras's global_clipnorm.
	GlobalNorm float64
	// Value is the maximum absolute value of each number. It is Keras's clipvalue.
	Value float64
}

// Check returns an error for settings out of range.
func (c Clipping) Check() error {
	switch {
	case !(c.GlobalNorm >= 0) || math.IsInf(c.GlobalNorm, 0):
		return fmt.Errorf("global_clipnorm is %g, want above 0, or 0 for none", c.GlobalNorm)
	case !(c.Value >= 0) || math.IsInf(c.Value, 0):
		return fmt.Errorf("clipvalue is %g, want above 0, or 0 for none", c.Value)
	case c.GlobalNorm > 0 && c.Value > 0:
		return errors.New("global_clipnorm and clipvalue are both given; give one")
	}
	return nil
}

// clip returns the clipped gradients.
func (c Clipping) clip(g *Graph, grads []Tensor) []Tensor {
	out := make([]Tensor, len(grads))
	switch {
	case c.GlobalNorm > 0:
		var sum Tensor
		for i, d := range grads {
			one := g.Sum(g.Square(g.Reshape(d, Shape{-1})), false, 0)
			if i > 0 {
				one = g.Add(sum, one)
			}
			sum = one
		}
		// A norm of 0 gives an infinite Rsqrt, so the factor is 1.
		factor := g.Minimum(g.Scalar(1), g.Mul(g.Scalar(float32(c.GlobalNorm)), g.Rsqrt(sum)))
		for i, d := range grads {
			out[i] = g.Mul(d, factor)
		}
	case c.Value > 0:
		most := g.Scalar(float32(c.Value))
		for i, d := range grads {
			out[i] = g.Neg(g.Minimum(most, g.Neg(g.Minimum(most, d))))
		}
	default:
		return grads
	}
	return out
}

// accumulator sums the gradients of the parts of a batch.
type accumulator struct {
	share, keep Tensor // fed: the part's share of the batch; 0 for the first part, then 1
	add         Op     // adds a part
	zeros       []Op   // the initial values
}

// newAccumulator adds a variable for each gradient. It returns the sums including the current part.
func newAccumulator(g *Graph, prefix string, of []*graph.Variable, grads []Tensor) (accumulator, []Tensor) {
	a := accumulator{share: g.Placeholder("share", graph.Float, Shape{}), keep: g.Placeholder("keep", graph.Float, Shape{})}
	zero := g.HideFromConstantFolding(g.Scalar(0))
	sums := make([]Tensor, len(grads))
	var adds []Op
	for i, d := range grads {
		v := g.Variable(prefix+"/"+of[i].Name+"/sum", of[i].Shape, false, func(g *Graph) Tensor { return g.FillWith(of[i].Shape, zero) })
		sums[i] = g.Add(g.Mul(v.Value, a.keep), g.Mul(d, a.share))
		adds = append(adds, g.Assign(v.Handle, sums[i]))
		a.zeros = append(a.zeros, v.Init)
	}
	a.add = g.Group("accumulate", adds...)
	return a, sums
}

// feeds returns the fed values for a part of a batch, counted from 0. share is the part's share of
// the batch.
func (a accumulator) feeds(part int, share float64) []graph.Feed {
	scalar := func(x float32) graph.Value { return graph.FromFloat32s(Shape{}, []float32{x}) }
	return []graph.Feed{{To: a.share, Value: scalar(float32(share))}, {To: a.keep, Value: scalar(float32(min(part, 1)))}}
}
