package experiment

import (
	"cmp"
	"fmt"
	"path"
	"path/filepath"

	"oscar/dataset"
	"oscar/internal/paths"
	"oscar/tfmodel"
)

// FineTune starts training from weights. These are another model's, with its graph up to the input
// of the last product, or those of a file for the architecture's own layers. The last product is
// replaced by a new dense layer, the head. Batch normalization always uses the model's moving
// averages.
type FineTune struct {
	// From is the model: a SavedModel of any program, or a run folder. The run keeps a copy.
	From string `json:"from,omitempty"`
	// Weights, in place of From, is a file of weights for the architecture: safetensors, Keras's .keras
	// or .h5, a TensorFlow checkpoint, a run, or a SavedModel of oscar; see package weights. The run keeps a copy.
	Weights string `json:"weights,omitempty"`
	// Freeze has patterns, such as stem*, of variables that are not trained. * is any part of a name
	// without a slash. A pattern that matches a layer or a folder matches everything in it.
	Freeze []string `json:"freeze"`
	// HeadEpochs is the number of epochs, included in training.epochs, in which only the head is
	// trained. The features are computed once, so there is no augmentation in these epochs. If
	// everything is frozen, all epochs are head epochs.
	HeadEpochs int `json:"head_epochs"`
	// HeadLearningRate is the learning rate in these epochs; 0: 0.003. The schedule runs through these
	// epochs, and then again from its start through the others.
	HeadLearningRate float64 `json:"head_learning_rate"`
	// LayerDecay is the factor of the learning rate from the head to the layers with the smallest maps,
	// and from each map size to the next larger one; 0: 1, no decay.
	LayerDecay float64 `json:"layer_decay"`
}

// FineTuning returns [Default] with settings for fine-tuning: 20 epochs, of which the first 5 train
// only the head, then all layers with a learning rate of 3e-4 that decreases by 0.7 from one map
// size to the next; AdamW, a cosine schedule, and images that are mirrored, cropped and changed in
// color.
func FineTuning(from string) Experiment {
	e := Default()
	e.FineTune = &FineTune{From: from, HeadEpochs: 5, LayerDecay: 0.7}
	e.FineTune.resolve()
	e.Training.Epochs, e.Training.Batch, e.Training.LearningRate = 20, 32, 3e-4
	e.Training.Schedule = Schedule{Kind: "cosine"}
	e.Training.Adam.WeightDecay = 0.01
	e.Training.Loss = tfmodel.Loss{LabelSmoothing: 0.1}
	e.Training.Augmentation.Phases = []dataset.Phase{{Variation: dataset.Variation{
		HorizontalFlip: true, RandomCrop: dataset.Factor{Low: 0.5, High: 1},
		Brightness: dataset.Factor{Low: 0.8, High: 1.2}, Contrast: dataset.Factor{Low: 0.8, High: 1.2}, Saturation: dataset.Factor{Low: 0.8, High: 1.2},
	}}}
	return e
}

// resolve fills in defaults.
func (f *FineTune) resolve() {
	f.HeadLearningRate = cmp.Or(f.HeadLearningRate, 3e-3)
	f.LayerDecay = cmp.Or(f.LayerDecay, 1)
	if f.Freeze == nil {
		f.Freeze = []string{}
	}
}

// check returns an error for the first invalid setting.
func (f *FineTune) check(t Training) error {
	switch {
	case f == nil:
		return nil
	case f.From == "" && f.Weights == "":
		return fmt.Errorf("fine_tune.from and fine_tune.weights are empty, want a SavedModel's folder or a run (--from), or a file of weights (--weights)")
	case f.From != "" && f.Weights != "":
		return fmt.Errorf("fine_tune has both from and weights; give one: from brings its own network, weights are those of the architecture")
	case f.HeadEpochs < 0 || f.HeadEpochs > t.Epochs:
		return fmt.Errorf("fine_tune.head_epochs is %d, want 0 to the training's %d", f.HeadEpochs, t.Epochs)
	case !(f.HeadLearningRate >= 0 && f.HeadLearningRate <= 1e6): // also refuses NaN
		return fmt.Errorf("fine_tune.head_learning_rate is %g, want above 0, or 0 for the default", f.HeadLearningRate)
	case !(f.LayerDecay >= 0 && f.LayerDecay <= 1):
		return fmt.Errorf("fine_tune.layer_decay is %g, want 0 to 1", f.LayerDecay)
	}
	for _, pattern := range f.Freeze {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			return fmt.Errorf("fine_tune.freeze has %q, want a pattern such as stem*, or * for all", pattern)
		}
	}
	return nil
}

// Source returns the start of training: a model or a file of weights.
func (f *FineTune) Source() string { return cmp.Or(f.From, f.Weights) }

// Absolute returns the settings with absolute paths. The URL of a model in a store is kept.
func (f FineTune) Absolute() (*FineTune, error) {
	for _, path := range []*string{&f.From, &f.Weights} {
		if *path == "" || paths.IsStore(*path) {
			continue
		}
		var err error
		if *path, err = filepath.Abs(*path); err != nil {
			return nil, err
		}
	}
	return &f, nil
}

// Tuning returns the settings for training pretrained layers.
func (f *FineTune) Tuning() tfmodel.Tuning {
	return tfmodel.Tuning{Freeze: f.Freeze, Decay: f.LayerDecay}
}

// HeadEpochs returns the number of epochs that train only the head.
func (e *Experiment) HeadEpochs() int {
	switch {
	case e.FineTune == nil:
		return 0
	case e.Architecture.HeadOnly():
		return e.Training.Epochs
	}
	return e.FineTune.HeadEpochs
}

// Rate returns the learning rate of a step. Step and epoch count from 0. before is the number of
// steps in the head's epochs; images is the number of images per epoch.
func (e *Experiment) Rate(epoch, step, before, images int) float64 {
	head := e.HeadEpochs()
	t := e.Training
	if epoch < head {
		t.LearningRate, t.Epochs = e.FineTune.HeadLearningRate, head
		return t.Rate(step, images)
	}
	t.Epochs -= head
	return t.Rate(step-before, images)
}
