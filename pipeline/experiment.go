package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"

	"go.yaml.in/yaml/v3"

	"oscar/dataset"
	"oscar/tfmodel"
)

// Experiment is what was asked of a training run. It is saved as
// experiment.json; unknown keys are refused.
type Experiment struct {
	// Format is the version of this file: 1.
	Format int `json:"format"`
	// Architecture is the network. In a file, a name alone stands for the whole.
	Architecture tfmodel.Architecture `json:"architecture"`
	// Explain is the layer that explanations look at unless told otherwise.
	Explain string `json:"explain"`
	// Data says how images are read and divided.
	Data Data `json:"data"`
	// Training says how the network learns.
	Training Training `json:"training"`
	// Seed decides the split, the initial weights, the order and the dropout.
	Seed uint64 `json:"seed"`
}

// Data says how images are read and divided.
type Data struct {
	// Root is the folder with one sub-folder a class; if it is not absolute, it
	// lies in the run folder.
	Root string `json:"root"`
	// Fractions are the shares of train, validation and test.
	Fractions [3]float64 `json:"fractions"`
	// Interpolation resizes images to the network's input.
	Interpolation dataset.Interpolation `json:"interpolation"`
	// MaxPixels is the most pixels an image may have.
	MaxPixels int64 `json:"max_pixels"`
	// MaxBytes is the most bytes a file may have.
	MaxBytes int64 `json:"max_bytes"`
}

func (d Data) limits() dataset.Limits {
	return dataset.Limits{MaxPixels: d.MaxPixels, MaxBytes: d.MaxBytes}
}

// Training says how the network learns.
type Training struct {
	// Epochs is how often every image is seen.
	Epochs int `json:"epochs"`
	// Batch is how many images a step takes.
	Batch int `json:"batch"`
	// LearningRate is Adam's.
	LearningRate float64 `json:"learning_rate"`
	// Adam holds the optimiser's other settings.
	Adam tfmodel.Adam `json:"adam"`
}

// DefaultExperiment is the plain recipe of He, Gu and Shi: AlexNet02, 40
// epochs, batch 32, Adam 5e-6.
func DefaultExperiment() Experiment {
	return Experiment{
		Format:       1,
		Architecture: tfmodel.Architecture{Name: "alexnet02"},
		Explain:      "conv5",
		Data: Data{
			Fractions:     dataset.DefaultFractions,
			Interpolation: dataset.Bilinear,
			MaxPixels:     dataset.DefaultLimits.MaxPixels,
			MaxBytes:      dataset.DefaultLimits.MaxBytes,
		},
		Training: Training{Epochs: 40, Batch: 32, LearningRate: 5e-6, Adam: tfmodel.DefaultAdam()},
		Seed:     1,
	}
}

// ReadExperiment lays a YAML (or JSON) file over e: keys left out keep e's
// values, unknown keys are errors.
func (e *Experiment) ReadYAML(b []byte) error {
	var tree any
	if err := yaml.Unmarshal(b, &tree); err != nil {
		return err
	}
	if tree == nil {
		return fmt.Errorf("the file is empty; want keys such as training: {epochs: 40}")
	}
	text, err := json.Marshal(tree)
	if err != nil {
		return err
	}
	return e.readJSON(text)
}

func (e *Experiment) readJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(e)
}

// resolve fills in what depends on the data, and checks all settings.
func (e *Experiment) resolve(classes int) error {
	if len(e.Architecture.Layers) == 0 {
		a, err := tfmodel.Lookup(e.Architecture.Name, classes)
		if err != nil {
			return err
		}
		e.Architecture = a
	}
	if err := e.check(); err != nil {
		return err
	}
	got, err := e.Architecture.Classes()
	if err != nil {
		return err
	}
	if got != classes {
		return fmt.Errorf("architecture %s ends with %d units for %d classes", e.Architecture.Name, got, classes)
	}
	return nil
}

// check reports the first setting that cannot be.
func (e *Experiment) check() error {
	t := e.Training
	switch {
	case e.Format != 1:
		return fmt.Errorf("format is %d, this oscar reads 1", e.Format)
	case t.Epochs < 1:
		return fmt.Errorf("epochs is %d, want at least 1", t.Epochs)
	case t.Batch < 1:
		return fmt.Errorf("batch is %d, want at least 1", t.Batch)
	case !(t.LearningRate > 0) || math.IsInf(t.LearningRate, 0):
		return fmt.Errorf("learning rate is %g, want above 0", t.LearningRate)
	case !(t.Adam.Beta1 >= 0 && t.Adam.Beta1 < 1) || !(t.Adam.Beta2 >= 0 && t.Adam.Beta2 < 1):
		return fmt.Errorf("adam betas are %g and %g, want 0 to below 1", t.Adam.Beta1, t.Adam.Beta2)
	case !(t.Adam.Epsilon > 0):
		return fmt.Errorf("adam epsilon is %g, want above 0", t.Adam.Epsilon)
	}
	if _, err := dataset.ParseInterpolation(string(e.Data.Interpolation)); err != nil {
		return err
	}
	return nil
}
