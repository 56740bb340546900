package study

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"oscar/experiment"
	"oscar/internal/jsonerror"
	"oscar/internal/machine"
	"oscar/pipeline"
	"oscar/tfmodel"
)

// Variant is a named list of edits of the base, which are applied in the order of the fields.
type Variant struct {
	// Name is part of file names.
	Name string `json:"name" yaml:"name"`
	// Why is the reason.
	Why string `json:"why,omitempty" yaml:"why,omitempty"`
	// Architecture is another network of the table, in place of the base's. It keeps the base's input
	// if the base names one.
	Architecture string `json:"architecture,omitempty" yaml:"architecture,omitempty"`
	// Input is [height, width, 3], in place of the base's or the network's own.
	Input []int `json:"input,omitempty" yaml:"input,omitempty,flow" form:"[height, width, 3]"`
	// Without are names or kinds of layers to remove.
	Without []string `json:"without,omitempty" yaml:"without,omitempty,flow"`
	// Replace has a new layer for each existing name. A last dense layer may omit its units.
	Replace map[string]Layer `json:"replace,omitempty" yaml:"replace,omitempty"`
	// Insert adds layers.
	Insert []Insert `json:"insert,omitempty" yaml:"insert,omitempty"`
	// Training and Data have keys of an experiment that differ from the base's.
	Training map[string]any `json:"training,omitempty" yaml:"training,omitempty"`
	Data     map[string]any `json:"data,omitempty" yaml:"data,omitempty"`
	// FineTune has keys of fine_tune: weights to start the variant's layers from.
	FineTune map[string]any `json:"fine_tune,omitempty" yaml:"fine_tune,omitempty"`
	// Layer is the explained layer, in place of the study's.
	Layer string `json:"layer,omitempty" yaml:"layer,omitempty"`
	// Against is the variant to compare with; "": the base.
	Against string `json:"against,omitempty" yaml:"against,omitempty"`
	// Reported are published figures, by measure.
	Reported map[string]float64 `json:"reported,omitempty" yaml:"reported,omitempty"`
}

// Layer is a layer's kind and settings, as in an experiment. It has the layer's name, unless the key
// in the variant is the name.
type Layer map[string]any

// Insert adds layers before or after an existing one.
type Insert struct {
	Before string  `json:"before,omitempty" yaml:"before,omitempty"`
	After  string  `json:"after,omitempty" yaml:"after,omitempty"`
	Layers []Layer `json:"layers" yaml:"layers,flow"`
}

// words returns each edit in words.
func (v Variant) words() []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if v.Architecture != "" {
		add("architecture %s", v.Architecture)
	}
	if len(v.Input) > 0 {
		add("input %s", tfmodel.Shape(v.Input))
	}
	if len(v.Without) > 0 {
		add("without %s", strings.Join(v.Without, ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(v.Replace)) {
		add("%s is %s", name, v.Replace[name])
	}
	for _, in := range v.Insert {
		layers := make([]string, len(in.Layers))
		for i, l := range in.Layers {
			layers[i] = l.String()
		}
		where := "before " + in.Before
		if in.After != "" {
			where = "after " + in.After
		}
		add("%s %s", where, strings.Join(layers, ", then "))
	}
	out = append(out, settings("training", v.Training)...)
	out = append(out, settings("data", v.Data)...)
	return append(out, settings("fine_tune", v.FineTune)...)
}

// String returns text such as "dropout1 (dropout, rate 0.5)".
func (l Layer) String() string {
	parts := []string{fmt.Sprint(l["kind"])}
	for _, key := range slices.Sorted(maps.Keys(l)) {
		if key != "name" && key != "kind" {
			value := l[key]
			if v, ok := value.(float64); ok && v == math.Trunc(v) {
				value = strconv.FormatFloat(v, 'f', -1, 64)
			}
			parts = append(parts, fmt.Sprintf("%s %v", key, value))
		}
	}
	text := strings.Join(parts, ", ")
	if name, ok := l["name"]; ok {
		return fmt.Sprintf("%v (%s)", name, text)
	}
	return text
}

// settings returns the leaves of a tree of keys as text: "training.epochs 80".
func settings(path string, tree map[string]any) []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(tree)) {
		switch value := tree[key].(type) {
		case map[string]any:
			out = append(out, settings(path+"."+key, value)...)
		default:
			text, err := json.Marshal(value)
			if err != nil {
				text = fmt.Append(nil, value)
			}
			out = append(out, fmt.Sprintf("%s.%s %s", path, key, strings.Trim(string(text), `"`)))
		}
	}
	return out
}

// experiment returns a variant's experiment for a number of classes.
func (s Study) experiment(v Variant, classes int) (experiment.Experiment, error) {
	e, err := s.base()
	if err != nil {
		return e, err
	}
	tree := map[string]any{}
	if v.Training != nil {
		tree["training"] = v.Training
	}
	if v.Data != nil {
		tree["data"] = v.Data
		for _, key := range []string{"root", "fractions", "groups", "near_duplicate_distance"} {
			if _, ok := v.Data[key]; ok {
				return e, fmt.Errorf("variant %s: data.%s cannot differ: all variants are compared on the same images", v.Name, key)
			}
		}
	}
	if v.FineTune != nil {
		tree["fine_tune"] = v.FineTune
	}
	if len(tree) > 0 {
		if err := setKeys(tree, &e); err != nil {
			return e, fmt.Errorf("variant %s: %w", v.Name, err)
		}
	}
	if e.FineTune != nil && e.FineTune.From != "" {
		return e, fmt.Errorf("variant %s: fine_tune.from brings a network of its own, which a study cannot edit; want fine_tune.weights, or compare fine-tuned runs by oscar compare", v.Name)
	}
	if e.Architecture, err = v.architecture(e.Architecture, classes); err == nil {
		e.Architecture, err = e.Network(classes) // weights may set how layers are trained
	}
	if err != nil {
		return e, fmt.Errorf("variant %s: %w", v.Name, err)
	}
	if e.Training.Precision == machine.Auto && s.Precision != machine.Auto {
		return e, fmt.Errorf("variant %s: training.precision is auto, which may be another in another variant; want float32 or bfloat16, or precision: auto for the whole study", v.Name)
	}
	if e.Explain, err = s.layer(v, e.Architecture); err == nil {
		err = e.Check()
	}
	if err != nil {
		return e, fmt.Errorf("variant %s: %w", v.Name, err)
	}
	return e, nil
}

// choosePrecision replaces the precision auto by the one that is faster for the base. It returns an
// error if the processor lacks a variant's precision.
func (s *Study) choosePrecision() error {
	base, err := s.base()
	if err != nil {
		return err
	}
	s.Precision = pipeline.TrainingPrecision(s.Precision, base.Architecture.Name)
	for _, v := range s.Variants {
		e, err := s.experiment(v, 2)
		if err == nil {
			err = e.Training.Precision.Check()
		}
		if err != nil {
			return err
		}
	}
	return s.Precision.Check()
}

// base returns the base experiment. It is parsed each time, because edits change its slices.
func (s Study) base() (experiment.Experiment, error) {
	e := experiment.Default()
	e.Training.Precision = s.Precision
	for key, instead := range map[string]string{"seed": "seeds", "explain": "explain.layer"} {
		if _, ok := s.Base[key]; ok {
			return e, fmt.Errorf("base.%s: a study has %s for that", key, instead)
		}
	}
	if data, ok := s.Base["data"].(map[string]any); ok && data["root"] != nil {
		return e, errors.New("base.data.root: the folder of images is named where the study is run")
	}
	if len(s.Base) > 0 {
		if err := setKeys(s.Base, &e); err != nil {
			return e, fmt.Errorf("base: %w", err)
		}
	}
	if s.Epochs > 0 {
		if training, ok := s.Base["training"].(map[string]any); ok && training["epochs"] != nil {
			return e, errors.New("epochs is given twice, in the study and in base.training; want one")
		}
		e.Training.Epochs = s.Epochs
	}
	if e.Data.Fractions[2] == 0 {
		return e, errors.New("base.data.fractions leaves no test part, which variants are compared on")
	}
	return e, nil
}

// setKeys sets keys of an experiment.
func setKeys(tree map[string]any, e *experiment.Experiment) error {
	text, err := yaml.Marshal(tree)
	if err != nil {
		return err
	}
	return e.ReadYAML(text)
}

// architecture edits a network.
func (v Variant) architecture(a tfmodel.Architecture, classes int) (tfmodel.Architecture, error) {
	if v.Architecture != "" {
		other := tfmodel.Architecture{Name: v.Architecture, Output: a.Output}
		if len(a.Layers) == 0 {
			other.Input = a.Input // the base names it for all variants, unless it belongs to the base's own layers
		}
		a = other
	}
	if len(v.Input) > 0 {
		a.Input = v.Input
	}
	name := a.Name
	a, err := a.Built(classes)
	if err == nil {
		a, err = a.Without(v.Without...)
	}
	if err != nil {
		return a, err
	}
	for _, at := range slices.Sorted(maps.Keys(v.Replace)) {
		l, err := v.Replace[at].named(at)
		if err != nil {
			return a, fmt.Errorf("replace: %w", err)
		}
		if a, err = a.Replace(at, l.Layer); err != nil {
			return a, err
		}
	}
	for _, in := range v.Insert {
		if a, err = in.into(a); err != nil {
			return a, err
		}
	}
	if a, err = withUnits(a, classes); err != nil {
		return a, err
	}
	if len(v.Input)+len(v.Without)+len(v.Replace)+len(v.Insert) > 0 {
		a.Name = name + "-" + v.Name
	}
	_, err = a.Classes()
	return a, err
}

// withUnits returns the network whose last dense layer, if it has no units, has one per class.
func withUnits(a tfmodel.Architecture, classes int) (tfmodel.Architecture, error) {
	if len(a.Layers) == 0 {
		return a, errors.New("no layer is left")
	}
	last := a.Layers[len(a.Layers)-1]
	if dense, ok := last.Layer.(*tfmodel.Dense); ok && dense.Units == 0 {
		head := *dense
		head.Units = classes
		return a.Replace(last.Name, &head)
	}
	return a, nil
}

func (in Insert) into(a tfmodel.Architecture) (tfmodel.Architecture, error) {
	var layers []tfmodel.Named
	for _, l := range in.Layers {
		named, err := l.named("")
		if err != nil {
			return a, fmt.Errorf("insert: %w", err)
		}
		layers = append(layers, named)
	}
	switch {
	case (in.Before == "") == (in.After == ""):
		return a, errors.New("insert: want before or after: the layer that it goes next to")
	case len(layers) == 0:
		return a, errors.New("insert: layers is empty")
	case in.Before != "":
		return a.InsertBefore(in.Before, layers...)
	}
	return a.InsertAfter(in.After, layers...)
}

// named parses a layer. name, if not "", is its name.
func (l Layer) named(name string) (out tfmodel.Named, err error) {
	l = maps.Clone(l)
	if name != "" {
		if own, ok := l["name"]; ok {
			return out, fmt.Errorf("%s: the layer is called %v; it keeps the name of the one that it replaces", name, own)
		}
		l["name"] = name
	}
	text, err := json.Marshal(l)
	if err != nil {
		return out, err
	}
	return out, jsonerror.Plain(json.Unmarshal(text, &out))
}

// layer returns the explained layer of a variant.
func (s Study) layer(v Variant, a tfmodel.Architecture) (string, error) {
	if v.Layer != "" {
		return v.Layer, nil // the experiment's check reports a missing layer
	}
	rows, err := a.Summary()
	if err != nil {
		return "", err
	}
	for _, row := range rows {
		if row.Name == s.Explain.Layer && len(row.Output) == 3 {
			return row.Name, nil
		}
	}
	if focus := a.Focus(); focus != "" {
		return focus, nil
	}
	return "", fmt.Errorf("%s has no convolution to explain; name a layer with a map as layer", a.Name)
}
