package experiment

import (
	"errors"
	"fmt"
	"slices"

	"oscar/dataset"
	"oscar/internal/machine"
	"oscar/internal/named"
	"oscar/internal/numeric"
	"oscar/internal/text"
	"oscar/tfmodel"
)

// Experiment holds all settings of a training run. It is saved as
// experiment.json.
type Experiment struct {
	// Format is the version of the file: 1.
	Format int `json:"format"`
	// Architecture is the network. Without layers it is the built-in one of its name, with the size in
	// Input if set. In YAML the name alone is sufficient.
	Architecture tfmodel.Architecture `json:"architecture"`
	// FineTune, if not nil, is the start of training: a model, which also has the architecture's
	// layers, or weights.
	FineTune *FineTune `json:"fine_tune,omitempty"`
	// Explain is the layer that CAM methods explain by default; "": the last convolution or block.
	Explain string `json:"explain"`
	// Data has the settings for reading and splitting images.
	Data Data `json:"data"`
	// Training has the settings of the training.
	Training Training `json:"training"`
	// Seed determines the split, the initial weights, the order of the images,
	// the augmentation and the dropout.
	Seed uint64 `json:"seed"`
}

// Default returns the settings of He, Gu and Shi: AlexNet02, 40 epochs, batch 32, Adam with
// learning rate 5e-6.
func Default() Experiment {
	return Experiment{
		Format:       1,
		Architecture: tfmodel.Architecture{Name: "alexnet02"},
		Data: Data{
			Fractions:     dataset.DefaultFractions,
			Interpolation: dataset.Bilinear,
			MaxPixels:     dataset.DefaultLimits.MaxPixels,
			MaxBytes:      dataset.DefaultLimits.MaxBytes,
		},
		Training: DefaultTraining(),
		Seed:     1,
	}
}

// Resolve fills in settings that depend on the number of classes, and checks all settings.
func (e *Experiment) Resolve(classes int) error {
	a, err := e.Network(classes)
	if err != nil {
		return err
	}
	e.Architecture = a
	if err := e.Check(); err != nil {
		return err
	}
	if err := e.Training.Learning().Fits(a); err != nil {
		return err
	}
	e.Training.resolve()
	if e.FineTune != nil {
		f := *e.FineTune
		f.resolve()
		e.FineTune = &f
	}
	if e.Data.Groups == dataset.GroupByNearDuplicates {
		distance := e.Data.distance()
		e.Data.NearDuplicateDistance = &distance
	}
	if e.Explain == "" {
		e.Explain = a.Focus()
	}
	if e.Architecture.MultiLabel() != (e.Training.Loss.Kind == tfmodel.BinaryCrossEntropy) {
		return fmt.Errorf("output %s and loss %s go together, and are for several labels an image", tfmodel.Sigmoid, tfmodel.BinaryCrossEntropy)
	}
	got, err := a.Classes()
	if err != nil {
		return err
	}
	if got != classes {
		return fmt.Errorf("architecture %s ends with %d units for %d classes", a.Name, got, classes)
	}
	return nil
}

// ForLabels adapts the settings to images with one class, or with several labels. Training with
// several labels has a sigmoid per class and binary cross-entropy, and selects the epoch by mean
// average precision instead of accuracy.
func (e *Experiment) ForLabels(several bool) error {
	t := &e.Training
	if !several {
		if e.Architecture.MultiLabel() || t.Loss.Kind == tfmodel.BinaryCrossEntropy {
			return fmt.Errorf("output %s and loss %s are for several labels an image, and the images have one class each; name columns of labels with --columns labels=NAMES",
				tfmodel.Sigmoid, tfmodel.BinaryCrossEntropy)
		}
		return nil
	}
	switch {
	case t.Loss.Kind != "" && t.Loss.Kind != tfmodel.BinaryCrossEntropy:
		return fmt.Errorf("loss %s is for one class an image, and the images have several labels; leave it out, or take %s", t.Loss.Kind, tfmodel.BinaryCrossEntropy)
	case t.Sampling != "":
		return fmt.Errorf("sampling %s draws images of one class each, and the images have several labels; take class_weight", t.Sampling)
	}
	e.Architecture.Output, t.Loss.Kind = tfmodel.Sigmoid, tfmodel.BinaryCrossEntropy
	if t.Select == "" || t.Select == ByAccuracy {
		t.Select = ByAveragePrecision
	}
	if s := t.EarlyStopping; s != nil && (s.Monitor == "" || s.Monitor == ByAccuracy) {
		stopping := *s
		stopping.Monitor = ByAveragePrecision
		t.EarlyStopping = &stopping
	}
	return nil
}

// Network returns the architecture with its layers. Missing layers are built for that many classes.
func (e *Experiment) Network(classes int) (tfmodel.Architecture, error) {
	a, err := e.Architecture.Built(classes)
	if err != nil {
		return a, err
	}
	if f := e.FineTune; f != nil && f.Weights != "" && a.Tuning == nil {
		return a.Tuned(f.Tuning())
	}
	return a, nil
}

// Check returns an error for the first setting that is invalid for any data.
func (e *Experiment) Check() error {
	switch e.Format {
	case 1:
	case 0:
		return errors.New("format is missing, this oscar reads 1; Go programs begin with experiment.Default()")
	default:
		return fmt.Errorf("format is %d, this oscar reads 1", e.Format)
	}
	if err := numeric.CheckAllLargest(e); err != nil {
		return err
	}
	if err := e.Training.check(); err != nil {
		return err
	}
	if err := e.FineTune.check(e.Training); err != nil {
		return err
	}
	if err := e.Data.check(); err != nil {
		return err
	}
	if e.Training.EarlyStopping != nil && e.Data.Fractions[1] == 0 {
		return errors.New("early_stopping needs a validation part, which data.fractions leaves empty")
	}
	return e.checkLayer()
}

// checkLayer returns an error unless the layer to explain has an output of [height,width,channels].
func (e *Experiment) checkLayer() error {
	if e.FineTune != nil && e.FineTune.From != "" && len(e.Architecture.Layers) == 0 {
		return nil // the layers are a model's that was not yet read
	}
	a, err := e.Network(2)
	if err != nil {
		return err
	}
	rows, err := a.Summary()
	if err != nil {
		return err
	}
	if e.Explain == "" {
		if a.Focus() == "" {
			if e.FineTune != nil {
				return fmt.Errorf("%s has no layer with a map and a gradient; a run explains one%s", a.Name, lastReason(a))
			}
			return fmt.Errorf("%s has no convolution to explain with; name a layer with a map", a.Name)
		}
		return nil
	}
	var names []string
	for _, row := range rows {
		if len(row.Output) == 3 {
			names = append(names, row.Name)
		}
	}
	if err := named.Check("layer with a map", e.Explain, names); err != nil {
		return fmt.Errorf("%s: %w", a.Name, err)
	}
	for _, l := range a.Layers {
		if why := l.Layer.Traits().NoGradient; l.Name == e.Explain && why != "" {
			return fmt.Errorf("%s has no gradient at %s, and a run explains a layer with one: %s", a.Name, l.Name, why)
		}
	}
	return nil
}

// lastReason returns why the last layer without a gradient has none, for the end of a message.
func lastReason(a tfmodel.Architecture) string {
	for _, l := range slices.Backward(a.Layers) {
		if why := l.Layer.Traits().NoGradient; why != "" {
			return ": " + why
		}
	}
	return ""
}

// Fits compares the memory forecast of training with a machine's memory in bytes. It returns an
// error if weights, gradients and the optimizer's values do not fit, which do not depend on the
// batch size. If only the rest does not fit, training may be slow, and Fits returns a note. A memory
// of 0 is unknown and fits everything.
func (e *Experiment) Fits(memory int64) (note string, err error) {
	m, err := e.Architecture.Memory(e.Training.Batch, e.Training.Learning())
	if err != nil || memory == 0 {
		return "", err
	}
	if fixed := m.Weights + m.Gradients + m.Optimizer; fixed > memory {
		return "", fmt.Errorf("training %s takes %s for weights, gradients and optimizer alone, and this machine has %s; take a smaller network: %s",
			e.Architecture.Name, machine.GiB(fixed), machine.GiB(memory), e.Architecture.Largest())
	}
	if m.Training > 16*memory {
		return "", fmt.Errorf("a step of %s takes about %s, and this machine has %s; take a smaller batch", text.Count(e.Training.Batch, "image"), machine.GiB(m.Training), machine.GiB(memory))
	}
	if m.Training > memory {
		return fmt.Sprintf("a step of %s takes about %s, and this machine has %s: a smaller batch, as --batch %d, takes less",
			text.Count(e.Training.Batch, "image"), machine.GiB(m.Training), machine.GiB(memory), max(1, e.Training.Batch/2)), nil
	}
	return "", nil
}
