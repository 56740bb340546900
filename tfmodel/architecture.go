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
	{"resnet10", ResNet10},
	{"resnet18", ResNet18},
	{"resnet50", ResNet50},
	{"vgg11", VGG11},
	{"vgg11_bn", VGG11BN},
	{"vgg16", VGG16},
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
	all, err := shapes(a.Layers, a.Input, map[string]bool{})
	if err != nil {
		return nil, fmt.Errorf("architecture %s: %w", a.Name, err)
	}
	return all, nil
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

// Focus returns the layer that Grad-CAM looks at unless told otherwise: the
// last convolution or block whose output is a map; "" if there is none.
func (a Architecture) Focus() string {
	for _, l := range slices.Backward(a.Layers) {
		switch l.Layer.(type) {
		case *Conv2D, *Residual:
			return l.Name
		}
	}
	return ""
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

// Summary returns a row a layer. Those within a block come before the block's
// own row, which is the sum that it ends in.
func (a Architecture) Summary() ([]Row, error) {
	steps, err := a.steps()
	if err != nil {
		return nil, err
	}
	rows := make([]Row, len(steps))
	for i, s := range steps {
		rows[i] = Row{Name: s.name, Kind: s.layer.Kind(), Output: s.out}
		for _, p := range s.layer.Params(s.in) {
			n := Shape(p.Shape).Elements()
			rows[i].Parameters += n
			if !p.Trainable {
				rows[i].Frozen += n
			}
		}
	}
	return rows, nil
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
	if c, ok := l.(interface{ normalize() }); ok {
		c.normalize()
	}
	n.Layer = l
	return nil
}
