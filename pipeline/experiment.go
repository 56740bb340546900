package pipeline

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"oscar/dataset"
	"oscar/tfmodel"
)

// Experiment is what was asked of a training run. It is saved as
// experiment.json; unknown keys are refused.
type Experiment struct {
	// Format is the version of this file: 1.
	Format int `json:"format"`
	// Architecture is the network. In a YAML file, a name alone stands for the
	// whole.
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
	// Strict makes a file that cannot be read an error.
	Strict bool `json:"strict,omitempty"`
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

// ReadYAML lays a YAML (or JSON) file over e: keys left out keep e's values,
// unknown keys are errors.
func (e *Experiment) ReadYAML(b []byte) error {
	var tree any
	if err := yaml.Unmarshal(b, &tree); err != nil {
		return err
	}
	if tree == nil {
		return fmt.Errorf("the file is empty; want keys such as training: {epochs: 40}")
	}
	if m, ok := tree.(map[string]any); ok {
		if name, ok := m["architecture"].(string); ok {
			m["architecture"] = map[string]any{"name": name}
		}
	}
	if err := checkKeys(tree, reflect.TypeFor[Experiment](), ""); err != nil {
		return err
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
	err := d.Decode(e)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		want := map[reflect.Kind]string{
			reflect.Int: "a whole number", reflect.Int64: "a whole number", reflect.Uint64: "a whole number from 0",
			reflect.Float64: "a number", reflect.String: "text", reflect.Bool: "true or false", reflect.Slice: "a list",
		}[wrong.Type.Kind()]
		return fmt.Errorf("%s is a %s, want %s", wrong.Field, wrong.Value, cmp.Or(want, wrong.Type.String()))
	}
	return err
}

// checkKeys reports the first key of a YAML tree that t's JSON has not, and
// what it has.
func checkKeys(tree any, t reflect.Type, path string) error {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return nil // it checks its own
	}
	switch t.Kind() {
	case reflect.Struct:
		fields := map[string]reflect.Type{}
		var known []string
		for f := range t.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			fields[name] = f.Type
			known = append(known, name)
		}
		where := cmp.Or(strings.TrimSuffix(path, "."), "the file")
		keys, ok := tree.(map[string]any)
		if !ok {
			return fmt.Errorf("%s is %v, want some of the keys %s", where, tree, strings.Join(known, ", "))
		}
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			if fields[key] == nil {
				return fmt.Errorf("%s has an unknown key %q; have %s", where, key, strings.Join(known, ", "))
			}
			if err := checkKeys(keys[key], fields[key], path+key+"."); err != nil {
				return err
			}
		}
	case reflect.Array:
		if list, ok := tree.([]any); !ok || len(list) != t.Len() {
			return fmt.Errorf("%s is %v, want %d values", strings.TrimSuffix(path, "."), tree, t.Len())
		}
	}
	return nil
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
	if err := e.Check(); err != nil {
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

// Check reports the first setting that cannot be, whatever the data.
func (e *Experiment) Check() error {
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
	f := e.Data.Fractions
	if _, err := dataset.ParseFractions(fmt.Sprintf("%v,%v,%v", f[0], f[1], f[2])); err != nil {
		return err
	}
	if err := (Machine{Limits: e.Data.limits()}).Check(); err != nil {
		return err
	}
	return e.checkLayer()
}

// checkLayer reports whether the layer to explain has a map to look at.
func (e *Experiment) checkLayer() error {
	a := e.Architecture
	if len(a.Layers) == 0 {
		var err error
		if a, err = tfmodel.Lookup(a.Name, 2); err != nil {
			return err
		}
	}
	rows, err := a.Summary()
	if err != nil {
		return err
	}
	var names []string
	for _, row := range rows {
		if len(row.Output) != 3 {
			continue
		}
		if row.Name == e.Explain {
			return nil
		}
		names = append(names, row.Name)
	}
	return fmt.Errorf("no layer %q to explain with in %s; have %s", e.Explain, a.Name, strings.Join(names, ", "))
}
