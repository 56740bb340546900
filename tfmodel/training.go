package tfmodel

import (
	"cmp"
	"fmt"
)

// Training has the settings of a [Trainer]. The zero value is Adam with Keras's defaults
// and softmax cross-entropy.
type Training struct {
	// Optimizer updates the weights; nil is [DefaultAdam].
	Optimizer Optimizer
	// Loss is the function to minimize.
	Loss Loss
	// Clipping limits the gradients.
	Clipping Clipping
	// Accumulate is the number of parts of a batch, which are computed one after another; 0: 1. The
	// step equals that of the whole batch, except for batch normalization and dropout.
	Accumulate int
	// AverageDecay is the decay of an exponential moving average of the weights; 0: no average. See
	// [Trainer.WithAverages].
	AverageDecay float64
	// StochasticDepth is the rate, 0 to below 1, at which the last residual block's body is dropped for
	// an image. The rate rises linearly from the first block to the last.
	StochasticDepth float64
	// SynchronizedBatchNormalization makes batch normalization on a cluster use the images of all
	// workers, as in one process. Otherwise it uses those of each worker.
	SynchronizedBatchNormalization bool
}

// Fits returns an error if the settings do not suit an architecture.
func (t Training) Fits(a Architecture) error {
	s, err := a.steps()
	if err != nil {
		return err
	}
	return cmp.Or(t.Loss.fits(a), s.checkStochasticDepth(t.StochasticDepth, a.Name))
}

// Check returns an error for settings out of range.
func (t Training) Check() error {
	if t.Accumulate < 0 {
		return fmt.Errorf("accumulate is %d, want at least 1", t.Accumulate)
	}
	return cmp.Or(t.optimizer().Check(), t.Loss.Check(), t.Clipping.Check(), checkDecayOfAverage(t.AverageDecay))
}

// kept returns the number of stored values per weight, besides the gradient.
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
