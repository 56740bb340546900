package pipeline

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
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
	// Explain is the layer that explanations look at unless told otherwise; ""
	// is the last convolution or block.
	Explain string `json:"explain"`
	// Data says how images are read and divided.
	Data Data `json:"data"`
	// Training says how the network learns.
	Training Training `json:"training"`
	// Seed decides the split, the initial weights, the order, the augmentation
	// and the dropout.
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

// DefaultExperiment is the plain recipe of He, Gu and Shi: AlexNet02, 40
// epochs, batch 32, Adam 5e-6.
func DefaultExperiment() Experiment {
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
	return e.overlay(tree)
}

// Set lays one key's value over e, written as training.epochs=40. The value is
// YAML.
func (e *Experiment) Set(setting string) error {
	path, text, ok := strings.Cut(setting, "=")
	if !ok {
		return fmt.Errorf("%q has no value, want KEY=VALUE as in training.epochs=40", setting)
	}
	var tree any
	if err := yaml.Unmarshal([]byte(text), &tree); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	keys := strings.Split(path, ".")
	for _, key := range slices.Backward(keys) {
		tree = map[string]any{key: tree}
	}
	return e.overlay(tree)
}

// overlay lays a tree of keys over e.
func (e *Experiment) overlay(tree any) error {
	if m, ok := tree.(map[string]any); ok {
		if name, ok := m["architecture"].(string); ok {
			m["architecture"] = map[string]any{"name": name, "input": nil, "layers": nil}
		}
	}
	if err := checkKeys(tree, reflect.TypeFor[Experiment](), ""); err != nil {
		return err
	}
	base, err := e.tree()
	if err != nil {
		return err
	}
	text, err := json.Marshal(merge(base, tree))
	if err != nil {
		return err
	}
	var laid Experiment
	if err := laid.readJSON(text); err != nil {
		return err
	}
	*e = laid
	return nil
}

// tree is e as its JSON has it, numbers as they are written.
func (e *Experiment) tree() (tree any, err error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return tree, d.Decode(&tree)
}

// merge lays one tree over another: key by key, but lists as a whole.
func merge(under, over any) any {
	a, ok := under.(map[string]any)
	b, also := over.(map[string]any)
	if !ok || !also {
		return over
	}
	for key, v := range b {
		a[key] = merge(a[key], v)
	}
	return a
}

func (e *Experiment) readJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	err := d.Decode(e)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		want := map[reflect.Kind]string{
			reflect.Int: "a whole number", reflect.Int64: "a whole number", reflect.Uint64: "a whole number from 0", reflect.Uint8: "a whole number from 0 to 255",
			reflect.Float64: "a number", reflect.String: "text", reflect.Bool: "true or false", reflect.Slice: "a list",
		}[wrong.Type.Kind()]
		field := strings.ReplaceAll(wrong.Field, "Variation.", "") // a Phase's keys are its own
		return fmt.Errorf("%s is a %s, want %s", field, wrong.Value, cmp.Or(want, wrong.Type.String()))
	}
	return err
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
	e.Training.resolve()
	if e.Explain == "" {
		last, err := lastMap(e.Architecture)
		if err != nil {
			return err
		}
		e.Explain = last
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
	if e.Format != 1 {
		return fmt.Errorf("format is %d, this oscar reads 1", e.Format)
	}
	if err := e.Training.check(); err != nil {
		return err
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
	if e.Training.EarlyStopping != nil && f[1] == 0 {
		return errors.New("early_stopping needs a validation part, which data.fractions leaves empty")
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
	if e.Explain == "" {
		_, err := lastMap(a)
		return err
	}
	rows, err := withMaps(a)
	if err != nil {
		return err
	}
	names := make([]string, len(rows))
	for i, row := range rows {
		if row.Name == e.Explain {
			return nil
		}
		names[i] = row.Name
	}
	return fmt.Errorf("no layer %q to explain with in %s; have %s", e.Explain, a.Name, strings.Join(names, ", "))
}

// withMaps returns the layers whose output is a map.
func withMaps(a tfmodel.Architecture) ([]tfmodel.Row, error) {
	rows, err := a.Summary()
	return slices.DeleteFunc(rows, func(r tfmodel.Row) bool { return len(r.Output) != 3 }), err
}

// lastMap returns the last convolution or block, where Grad-CAM usually looks.
func lastMap(a tfmodel.Architecture) (string, error) {
	rows, err := withMaps(a)
	if err != nil {
		return "", err
	}
	for _, row := range slices.Backward(rows) {
		if row.Kind == (&tfmodel.Conv2D{}).Kind() || row.Kind == (&tfmodel.Residual{}).Kind() {
			return row.Name, nil
		}
	}
	return "", fmt.Errorf("%s has no convolution to explain with; name a layer with a map", a.Name)
}
