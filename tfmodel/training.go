package tfmodel

import (
	"cmp"
	"fmt"
)

// Training says how a [Trainer] learns. The zero value is Adam with Keras's defaults and
// softmax cross-entropy.
type Training struct {
	// Optimizer updates the weights; nil is [DefaultAdam].
	Optimizer Optimizer
	// Loss is the function that is minimised.
	Loss Loss
	// Clipping bounds the gradients.
	Clipping Clipping
	// Accumulate is the number of parts that a batch is computed in, one after the other;
	// 0 is 1. The step is that of the whole batch, but for layers that look at the whole
	// batch (batch normalisation) or draw random numbers (dropout).
	Accumulate int
	// AverageDecay is the decay of an exponential moving average of the weights; 0: there
	// is none. See [Trainer.WithAverages].
	AverageDecay float64
	// StochasticDepth is how often the body of the last residual block is dropped for an
	// image, 0 to below 1; of the blocks before it is evenly less.
	StochasticDepth float64
}

// Fits reports settings that do not fit an architecture.
func (t Training) Fits(a Architecture) error {
	s, err := a.steps()
	if err != nil {
		return err
	}
	return cmp.Or(t.Loss.fits(a), s.checkStochasticDepth(t.StochasticDepth, a.Name))
}

// Check reports settings out of range.
func (t Training) Check() error {
	if t.Accumulate < 0 {
		return fmt.Errorf("accumulate is %d, want at least 1", t.Accumulate)
	}
	return cmp.Or(t.optimizer().Check(), t.Loss.Check(), t.Clipping.Check(), checkDecayOfAverage(t.AverageDecay))
}

// kept is the number of values that a training keeps for each weight, besides the gradient.
func (t Training) kept() int64 {
	n := len(t.optimizer().slots())
	if t.AverageDecay > 0 {
		n++
	}
	if t.Accumulate > 1 {
		n++
	}
	return int64(n)
}

func (t Training) optimizer() Optimizer {
	if t.Optimizer == nil {
		return DefaultAdam()
	}
	return t.Optimizer
}
