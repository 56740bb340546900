package tfmodel

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"oscar/internal/graph"
	"oscar/savedmodel"
)

// Imported is a layer of another model. Its operations are in that model's graph; see
// [ImportArchitecture]. Layers of this kind represent the whole graph in the order of its layers;
// the last one outputs the features. A single one cannot be computed alone.
type Imported struct {
	// Operation is the layer's kind in the model's table of layers, such as "conv2d".
	Operation string `json:"operation"`
	Output    Shape  `json:"output"` // for one example
	// Rate is a factor of the learning rate; 0: 1.
	Rate      float64            `json:"rate,omitempty"`
	Variables []ImportedVariable `json:"variables,omitempty"`
	// NoGradient is the reason why there is no gradient at the layer; empty: there is one.
	NoGradient string `json:"no_gradient,omitempty"`

	body *savedmodel.Body // nil until [Architecture.WithBody]
}

// ImportedVariable is a variable of an imported layer, under its own name.
type ImportedVariable struct {
	Name   string `json:"name"`
	Shape  Shape  `json:"shape"`
	Frozen bool   `json:"frozen,omitempty"` // not trained
}

// imported is the kind of [Imported]. It is written and read, but not listed.
const imported = "imported"

func (*Imported) Kind() string { return imported }

func (l *Imported) OutShape(Shape) (Shape, error) {
	if len(l.Output) == 0 || slices.Min(l.Output) < 1 {
		return nil, fmt.Errorf("output is %v, want sizes from 1", l.Output)
	}
	if !(l.Rate >= 0 && l.Rate <= 1) { // also refuses NaN
		return nil, fmt.Errorf("rate is %g, want 0 to 1", l.Rate)
	}
	for _, v := range l.Variables {
		if v.Name == "" || len(v.Shape) > 0 && slices.Min(v.Shape) < 1 {
			return nil, fmt.Errorf("variable %q is %v, want a name and sizes from 1", v.Name, v.Shape)
		}
	}
	return l.Output, nil
}

// Params returns the variables. Their initial values are used only to randomize a model.
func (l *Imported) Params(Shape) []Param {
	params := make([]Param, len(l.Variables))
	for i, v := range l.Variables {
		p := Param{Name: v.Name, Role: path.Base(v.Name), Shape: v.Shape, Init: Zeros, Trainable: !v.Frozen, Rate: l.Rate}
		switch {
		case len(v.Shape) > 1:
			p.Init = GlorotUniform
		case strings.Contains(p.Role, "gamma") || strings.Contains(p.Role, "variance") || strings.Contains(p.Role, "scale"):
			p.Init = Ones
		}
		params[i] = p
	}
	return params
}

func (*Imported) Apply(b *Builder, _ Tensor) Tensor {
	t, ok := b.imported[b.layer]
	if !ok {
		b.Fail(fmt.Errorf("layer %s was imported with another model's graph, which is missing", b.layer))
	}
	return t
}

// Backward fails the builder: imported layers are not a chain, so TensorFlow differentiates their
// graph.
func (*Imported) Backward(b *Builder, _, _, _ Tensor) Tensor {
	b.Fail(fmt.Errorf("layer %s was imported: it has no gradient of its own", b.layer))
	return Tensor{}
}

func (l *Imported) Traits() Traits {
	return Traits{Focus: len(l.Output) == 3 && l.Output[0]*l.Output[1] > 1 && l.NoGradient == "", NoGradient: l.NoGradient}
}

// ImportArchitecture returns the architecture for training a model further: the layers of the body,
// its features, and a new dense layer for that many classes.
func ImportArchitecture(body *savedmodel.Body, classes int, o Tuning) (Architecture, error) {
	in := body.Metadata.Image
	a := Architecture{Name: body.Metadata.Model, Input: Shape{in.Height, in.Width, 3}}
	width, err := featureWidth(body, a.Input)
	if err != nil {
		return a, err
	}
	names := map[string]bool{}
	for _, l := range body.Layers {
		name := free(names, l.Name)
		layer := &Imported{Operation: l.Kind, Output: slices.Clone(l.Output)}
		if from := body.Metadata.Origin; from != nil {
			layer.NoGradient = from.NoGradient[l.Name]
		}
		a.Layers = append(a.Layers, Named{name, layer})
	}
	a.Layers = append(a.Layers,
		Named{free(names, "features"), &Imported{Operation: "features", Output: Shape{width}}},
		Named{free(names, "head"), &Dense{Units: classes}})
	f := newFreezing(o.Freeze)
	for _, v := range body.Variables {
		l := a.Layers[v.Layer]
		fits, err := f.fits(l.Name, v.Name)
		if err != nil {
			return a, err
		}
		layer := l.Layer.(*Imported)
		if layer.NoGradient != "" && !v.Statistic && !fits {
			return a, fmt.Errorf("%s of layer %s cannot be trained: %s; freeze the layer with --freeze, or train the new layer alone", v.Name, l.Name, layer.NoGradient)
		}
		layer.Variables = append(layer.Variables, ImportedVariable{v.Name, slices.Clone(v.Shape), v.Statistic || fits})
	}
	if len(body.Variables) > 0 {
		if err := f.unused(); err != nil {
			return a, err
		}
	}
	var outputs []Shape
	var layers []*Imported
	for _, l := range a.Layers {
		if l, ok := l.Layer.(*Imported); ok && len(l.Variables) > 0 {
			outputs, layers = append(outputs, l.Output), append(layers, l)
		}
	}
	for i, rate := range o.rates(outputs) {
		layers[i].Rate = rate
	}
	return a.WithBody(body), nil
}

// free returns the name, or the first unused of name_2, name_3, ..., and marks it as used.
func free(taken map[string]bool, name string) string {
	candidate := name
	for i := 2; taken[candidate]; i++ {
		candidate = fmt.Sprintf("%s_%d", name, i)
	}
	taken[candidate] = true
	return candidate
}

// WithBody returns the architecture with the graph of its imported layers.
func (a Architecture) WithBody(body *savedmodel.Body) Architecture {
	a.Layers, a.Weights = slices.Clone(a.Layers), body.Weights()
	for i, l := range a.Layers {
		if l, ok := l.Layer.(*Imported); ok {
			with := *l
			with.body = body
			a.Layers[i].Layer = &with
		}
	}
	return a
}

// Imports reports whether the architecture has imported layers.
func (a Architecture) Imports() bool {
	return slices.ContainsFunc(a.Layers, func(l Named) bool { _, ok := l.Layer.(*Imported); return ok })
}

// featureWidth returns the number of features of a body.
func featureWidth(body *savedmodel.Body, input Shape) (int, error) {
	g := graph.New()
	values := map[string]Tensor{}
	for i, v := range body.Variables {
		values[v.Name] = g.Placeholder(fmt.Sprint("variable_", i), graph.Float, v.Shape)
	}
	features, _, err := body.Import(g.In("body"), g.Placeholder("image", graph.Float, append(Shape{-1}, input...)), values)
	if err != nil {
		return 0, err
	}
	return features.Shape()[1], nil
}

// imports reports whether there are imported layers.
func (s steps) imports() bool {
	return slices.ContainsFunc(s, func(s step) bool { return s.layer.Kind() == imported })
}

// imported adds the graph of imported layers, if there are any, below the builder's scope. The
// builder receives their outputs.
func (s steps) imported(b *Builder, image Tensor) {
	var layers []step
	var body *savedmodel.Body
	for _, step := range s {
		if l, ok := step.layer.(*Imported); ok {
			layers, body = append(layers, step), l.body
		}
	}
	if body == nil {
		return
	}
	values := map[string]Tensor{}
	for _, v := range body.Variables {
		if have := b.vars.byName[v.Name]; have != nil {
			values[v.Name] = have.Value
		}
	}
	features, outputs, err := body.Import(b.Graph, image, values)
	if err == nil && len(outputs)+1 != len(layers) {
		err = fmt.Errorf("the architecture has %d imported layers, the model that it comes from %d", len(layers), len(outputs)+1)
	}
	if err != nil {
		b.Fail(err)
		return
	}
	b.imported = map[string]Tensor{}
	for i, t := range append(outputs, features) {
		b.imported[layers[i].name] = t
	}
}
