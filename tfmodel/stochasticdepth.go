package tfmodel

import (
	"fmt"
	"math"

	"oscar/internal/graph"
)

// checkStochasticDepth returns an error for a rate out of range, or a network without residual
// blocks.
func (s steps) checkStochasticDepth(rate float64, name string) error {
	switch {
	case !(rate >= 0 && rate < 1): // also refuses NaN
		return fmt.Errorf("stochastic_depth is %g, want above 0 to below 1, or 0 for none", rate)
	case rate > 0 && s.blocks(len(s)) == 0:
		return fmt.Errorf("stochastic_depth is %g, but %s has no residual blocks", rate, name)
	}
	return nil
}

// blocks counts the residual blocks among the first n steps.
func (s steps) blocks(n int) (count int) {
	for _, step := range s[:n] {
		if _, ok := step.layer.(sum); ok {
			count++
		}
	}
	return count
}

// dropBody sets the output of a block's body to zero for a share rate of the images, and divides the
// others by 1-rate (Huang et al. 2016, arXiv:1603.09382; as torchvision's StochasticDepth by rows).
// The mask depends only on the step's seed and the block's name.
func dropBody(b *Builder, body Tensor, rate float64) Tensor {
	rows := make([]int, len(body.Shape()))
	for i := range rows {
		rows[i] = 1
	}
	rows[0] = math.MaxInt32
	shape := b.Minimum(b.ShapeOf(body), b.Ints(rows...)) // [N,1,1,1]
	kept := b.GreaterEqual(b.random(shape), b.Scalar(float32(rate)))
	return b.Mul(body, b.Mul(b.Cast(kept, graph.Float), b.Scalar(float32(1/(1-rate)))))
}
