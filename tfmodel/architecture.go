package tfmodel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Named is a layer with its name, unique within its architecture.
type Named struct {
	Name  string
	Layer Layer
}

// Architecture describes a network from image to logits: a plain value.
// Channels are inferred from layer to layer, so taking one out needs no second
// edit.
type Architecture struct {
	Name   string  `json:"name"`
	Input  Shape   `json:"input"` // [height,width,3]
	Layers []Named `json:"layers"`
}

// architectures is the one table of architectures by name.
var architectures = []struct {
	name string
	new  func(classes int) Architecture
}{
	{"alexnet02", AlexNet02},
	{"tiny", Tiny},
}

// Architectures returns the names that [Lookup] knows.
func Architectures() []string {
	names := make([]string, len(architectures))
	for i, a := range architectures {
		names[i] = a.name
	}
	return names
}

// Lookup returns the named architecture for that many classes.
func Lookup(name string, classes int) (Architecture, error) {
	for _, a := range architectures {
		if a.name == name {
			return a.new(classes), nil
		}
	}
	return Architecture{}, fmt.Errorf("no architecture %q; have %s", name, strings.Join(Architectures(), ", "))
}

// Shapes returns the input shape of every layer and, last, the output's. It
// reports the first layer that does not fit, by name.
func (a Architecture) Shapes() ([]Shape, error) {
	if len(a.Input) != 3 || slices.Min(a.Input) < 1 {
		return nil, fmt.Errorf("architecture %s: input is %v, want [height,width,channels]", a.Name, a.Input)
	}
	shapes := []Shape{a.Input}
	seen := map[string]bool{}
	for _, l := range a.Layers {
		if l.Name == "" || l.Layer == nil {
			return nil, fmt.Errorf("architecture %s: layer %d has no name or no kind", a.Name, len(shapes))
		}
		if seen[l.Name] {
			return nil, fmt.Errorf("architecture %s: two layers are named %q", a.Name, l.Name)
		}
		seen[l.Name] = true
		out, err := l.Layer.OutShape(shapes[len(shapes)-1])
		if err != nil {
			return nil, fmt.Errorf("architecture %s: layer %s (%s): %w", a.Name, l.Name, l.Layer.Kind(), err)
		}
		shapes = append(shapes, out)
	}
	return shapes, nil
}

// Classes returns the number of outputs.
func (a Architecture) Classes() (int, error) {
	shapes, err := a.Shapes()
	if err != nil {
		return 0, err
	}
	out := shapes[len(shapes)-1]
	if len(out) != 1 || len(a.Layers) == 0 {
		return 0, fmt.Errorf("architecture %s ends with %v, want [classes]", a.Name, out)
	}
	return out[0], nil
}

// Parameters returns how many numbers the network holds, and how many of them
// are not trained.
func (a Architecture) Parameters() (total, frozen int, err error) {
	rows, err := a.Summary()
	if err != nil {
		return 0, 0, err
	}
	for _, r := range rows {
		total += r.Parameters
		frozen += r.Frozen
	}
	return total, frozen, nil
}

// Row is one layer of a summary.
type Row struct {
	Name       string `json:"name"`
	Kind       string `json:"kind"`
	Output     Shape  `json:"output"` // of one example
	Parameters int    `json:"parameters"`
	Frozen     int    `json:"frozen,omitempty"` // of them not trained
}

// Summary returns a row a layer.
func (a Architecture) Summary() ([]Row, error) {
	shapes, err := a.Shapes()
	if err != nil {
		return nil, err
	}
	rows := make([]Row, len(a.Layers))
	for i, l := range a.Layers {
		rows[i] = Row{Name: l.Name, Kind: l.Layer.Kind(), Output: shapes[i+1]}
		for _, p := range l.Layer.Params(shapes[i]) {
			n := Shape(p.Shape).Elements()
			rows[i].Parameters += n
			if !p.Trainable {
				rows[i].Frozen += n
			}
		}
	}
	return rows, nil
}

// index returns a layer's place; the error lists the layers there are.
func (a Architecture) index(name string) (int, error) {
	names := make([]string, len(a.Layers))
	for i, l := range a.Layers {
		if l.Name == name {
			return i, nil
		}
		names[i] = l.Name
	}
	return 0, fmt.Errorf("no layer %q in %s; have %s", name, a.Name, strings.Join(names, ", "))
}

// Without returns the architecture without the layers of those names or kinds.
// A word that matches nothing is an error.
func (a Architecture) Without(words ...string) (Architecture, error) {
	out := a
	for _, w := range words {
		kept := slices.DeleteFunc(slices.Clone(out.Layers), func(l Named) bool {
			return l.Name == w || l.Layer.Kind() == w
		})
		if len(kept) == len(out.Layers) {
			_, err := out.index(w)
			return a, err
		}
		out.Layers = kept
	}
	return out, nil
}

// Replace returns the architecture with another layer under that name.
func (a Architecture) Replace(name string, l Layer) (Architecture, error) {
	i, err := a.index(name)
	if err != nil {
		return a, err
	}
	a.Layers = slices.Clone(a.Layers)
	a.Layers[i].Layer = l
	return a, nil
}

// InsertBefore returns the architecture with layers added before that one.
func (a Architecture) InsertBefore(name string, layers ...Named) (Architecture, error) {
	i, err := a.index(name)
	if err != nil {
		return a, err
	}
	a.Layers = slices.Insert(slices.Clone(a.Layers), i, layers...)
	return a, nil
}

// InsertAfter returns the architecture with layers added after that one.
func (a Architecture) InsertAfter(name string, layers ...Named) (Architecture, error) {
	i, err := a.index(name)
	if err != nil {
		return a, err
	}
	a.Layers = slices.Insert(slices.Clone(a.Layers), i+1, layers...)
	return a, nil
}

// feature returns where a layer is looked at: a convolution or dense layer
// that an activation follows directly is looked at after it.
func (a Architecture) feature(i int) int {
	switch a.Layers[i].Layer.(type) {
	case *Conv2D, *Dense:
		if i+1 < len(a.Layers) && isActivation(a.Layers[i+1].Layer) {
			return i + 1
		}
	}
	return i
}

// MarshalJSON writes {"name": ..., "kind": ..., settings...}.
func (n Named) MarshalJSON() ([]byte, error) {
	head, err := json.Marshal(struct {
		Name string `json:"name"`
		Kind string `json:"kind"`
	}{n.Name, n.Layer.Kind()})
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(n.Layer)
	if err != nil || string(body) == "{}" {
		return head, err
	}
	return append(append(head[:len(head)-1], ','), body[1:]...), nil
}

// UnmarshalJSON reads what MarshalJSON writes. Unknown kinds and settings are
// errors; settings left out keep their defaults.
func (n *Named) UnmarshalJSON(b []byte) error {
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(b, &fields); err != nil {
		return err
	}
	var kind string
	if err := json.Unmarshal(fields["name"], &n.Name); err != nil {
		return fmt.Errorf("layer without a name: %s", b)
	}
	if err := json.Unmarshal(fields["kind"], &kind); err != nil {
		return fmt.Errorf("layer %s has no kind; have %s", n.Name, strings.Join(Kinds(), ", "))
	}
	l, err := newLayer(kind)
	if err != nil {
		return fmt.Errorf("layer %s: %w", n.Name, err)
	}
	delete(fields, "name")
	delete(fields, "kind")
	rest, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(rest))
	d.DisallowUnknownFields()
	if err := d.Decode(l); err != nil {
		return fmt.Errorf("layer %s (%s): %w", n.Name, kind, err)
	}
	n.Layer = l
	return nil
}
