package tfmodel

import "errors"

// Training says how a [Trainer] learns. The zero value is Adam with Keras's defaults and
// softmax cross-entropy.
type Training struct {
	// Optimizer updates the weights; nil is [DefaultAdam].
	Optimizer Optimizer
	// Loss is the function that is minimised.
	Loss Loss
}

// Check reports settings out of range.
func (t Training) Check() error { return errors.Join(t.optimizer().Check(), t.Loss.Check()) }

func (t Training) optimizer() Optimizer {
	if t.Optimizer == nil {
		return DefaultAdam()
	}
	return t.Optimizer
}
