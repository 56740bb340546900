package experiment

import (
	"cmp"
	"fmt"
	"math"

	"oscar/dataset"
	"oscar/internal/machine"
	"oscar/internal/named"
	"oscar/tfmodel"
)

// Training configures how the network is trained.
type Training struct {
	// Epochs is the number of passes over the train part.
	Epochs int `json:"epochs"`
	// Batch is the number of images that are computed together. It is the number of images per step
	// unless Accumulate is above 1.
	Batch int `json:"batch"`
	// Accumulate is the number of batches per step, whose gradients are summed; 0: 1.
	Accumulate int `json:"accumulate,omitempty"`
	// LearningRate is the optimizer's learning rate; Schedule changes it from step to step.
	LearningRate float64  `json:"learning_rate"`
	Schedule     Schedule `json:"schedule"`
	// Optimizer is an optimizer other than Adam.
	Optimizer Optimizer `json:"optimizer,omitzero"`
	// Adam has the settings of Adam. It is zero for another optimizer.
	Adam tfmodel.Adam `json:"adam,omitzero"`
	// GlobalClipnorm is the maximum norm of all gradients together, Clipvalue the maximum of each
	// value; 0: none. Only one of them may be set.
	GlobalClipnorm float64 `json:"global_clipnorm,omitempty"`
	Clipvalue      float64 `json:"clipvalue,omitempty"`
	// EMADecay is the decay of an exponential moving average of the weights; 0: no average. An epoch
	// has the average's metrics and weights if they are better.
	EMADecay float64 `json:"ema_decay,omitempty"`
	// StochasticDepth is the rate at which the last residual block is dropped for an image; see
	// [tfmodel.Training].
	StochasticDepth float64 `json:"stochastic_depth,omitempty"`
	// BatchNormalization selects the images that batch normalization uses on a cluster; "": those of
	// each worker.
	BatchNormalization BatchNormalization `json:"batch_normalization,omitempty"`
	// Loss is the function that training minimizes.
	Loss tfmodel.Loss `json:"loss,omitzero"`
	// ClassWeight weights the images of classes in the loss.
	ClassWeight ClassWeight `json:"class_weight,omitzero"`
	// Sampling is balanced to draw each class equally often; "": visit each image of the train part
	// once per epoch.
	Sampling Sampling `json:"sampling,omitempty"`
	// Augmentation changes the images of the train part only.
	Augmentation dataset.Augmentation `json:"augmentation,omitzero"`
	// Precision is the number type of convolutions and products. It cannot change during a
	// run. Float32 is omitted, because checkpoints of older runs have a hash of their settings.
	Precision machine.Precision `json:"precision,omitzero"`
	// Select is the metric of the validation part that selects the epoch to keep; "": accuracy.
	Select Monitor `json:"select"`
	// EarlyStopping, if not nil, ends training that does not improve.
	EarlyStopping *EarlyStopping `json:"early_stopping,omitempty"`
}

// BatchNormalization selects the images that batch normalization uses on a cluster.
type BatchNormalization string

// SynchronizedBatchNormalization uses the images of all workers; see [tfmodel.Training].
const SynchronizedBatchNormalization BatchNormalization = "synchronized"

func (b BatchNormalization) check() error {
	if b == "" {
		return nil
	}
	return named.Check("batch_normalization", b, []BatchNormalization{SynchronizedBatchNormalization})
}

// DefaultTraining returns the settings of He, Gu and Shi.
func DefaultTraining() Training {
	return Training{
		Epochs: 40, Batch: 32, LearningRate: 5e-6, Schedule: Schedule{Kind: "constant"},
		Adam: tfmodel.DefaultAdam(), Select: ByAccuracy,
	}
}

// Learning returns the settings of the steps.
func (t Training) Learning() tfmodel.Training {
	l := tfmodel.Training{
		Optimizer: t.Optimizer.Optimizer, Loss: t.Loss,
		Clipping:   tfmodel.Clipping{GlobalNorm: t.GlobalClipnorm, Value: t.Clipvalue},
		Accumulate: t.Accumulate, AverageDecay: t.EMADecay, StochasticDepth: t.StochasticDepth,
		SynchronizedBatchNormalization: t.BatchNormalization == SynchronizedBatchNormalization,
	}
	if t.Optimizer.IsZero() {
		l.Optimizer = t.Adam
	}
	return l
}

// maxStepImages is the maximum number of images per step.
const maxStepImages = 1 << 16

// StepImages returns the number of images per step; the last step of an epoch may have fewer.
func (t Training) StepImages() int { return t.Batch * max(1, t.Accumulate) }

// Rate returns the learning rate of a step, counted from 0. images is the number of images per
// epoch.
func (t Training) Rate(step, images int) float64 {
	size := t.StepImages()
	return t.Schedule.Rate(t.LearningRate, step, (images+size-1)/size, t.Epochs)
}

// check returns an error for the first invalid setting.
func (t Training) check() error {
	switch {
	case t.Epochs < 1:
		return fmt.Errorf("epochs is %d, want at least 1", t.Epochs)
	case t.Batch < 1:
		return fmt.Errorf("batch is %d, want at least 1", t.Batch)
	case t.Accumulate < 0 || t.Accumulate > 1 && t.StepImages() > maxStepImages:
		return fmt.Errorf("accumulate is %d, want 1 or more, and at most %d images a step", t.Accumulate, maxStepImages)
	case !(t.LearningRate > 0) || math.IsInf(t.LearningRate, 0):
		return fmt.Errorf("learning rate is %g, want above 0", t.LearningRate)
	}
	if err := cmp.Or(t.ClassWeight.check(), t.Sampling.check(), t.BatchNormalization.check()); err != nil {
		return err
	}
	if err := t.Augmentation.Check(); err != nil {
		return fmt.Errorf("augmentation: %w", err)
	}
	if t.Augmentation.Mixes() && t.Loss.Kind == tfmodel.CategoricalHinge {
		return fmt.Errorf("mixup and cutmix mix labels, but %s has no use for them; take the loss %s", t.Loss.Kind, tfmodel.SoftmaxCrossEntropy)
	}
	if !t.Optimizer.IsZero() && t.Adam != (tfmodel.Adam{}) {
		return fmt.Errorf("training.adam has settings, but the optimizer is %s; give them to training.optimizer", t.Optimizer.Kind())
	}
	return cmp.Or(t.Learning().Check(), t.Schedule.check(t), t.Select.check("select"), t.EarlyStopping.check())
}

// resolve fills in default names.
func (t *Training) resolve() {
	t.Loss = t.Loss.Resolved()
	t.Augmentation = t.Augmentation.Resolved()
	t.Schedule.Kind = cmp.Or(t.Schedule.Kind, "constant")
	t.Select = cmp.Or(t.Select, ByAccuracy)
	if t.EarlyStopping != nil {
		stopping := *t.EarlyStopping
		stopping.Monitor = cmp.Or(stopping.Monitor, ByAccuracy)
		t.EarlyStopping = &stopping
	}
}
