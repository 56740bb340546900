package tfmodel

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"oscar/internal/keyed"
	"oscar/internal/named"
)

// Named is a layer with its name, which is unique within its architecture.
type Named struct {
	Name  string
	Layer Layer
}

// Architecture describes a network from image to logits. It is a plain value. The number of input
// channels of a layer comes from the layer before, so a layer can be removed without other edits.
type Architecture struct {
	Name   string  `json:"name"`
	Input  Shape   `json:"input" form:"[height, width, 3]"` // [height,width,3]
	Layers []Named `json:"layers"`
	// Tuning is not nil if all layers except the head have pretrained weights.
	Tuning *Tuning `json:"tuning,omitempty"`
	// Weights is the prefix of the tensor bundle with these weights, for [NewTrainer]. It is not
	// stored.
	Weights string `json:"-"`
	// Output computes probabilities from logits: "" is softmax, for exclusive classes, and Sigmoid is
	// for several labels.
	Output string `json:"output,omitempty"`
}

// Sigmoid is the [Architecture.Output] for several labels per image.
const Sigmoid = "sigmoid"

// MultiLabel reports whether an image can have several classes.
func (a Architecture) MultiLabel() bool { return a.Output == Sigmoid }

// probabilities adds the probabilities of logits [N,C].
func (a Architecture) probabilities(g *Graph, logits Tensor) Tensor {
	if a.MultiLabel() {
		return g.Sigmoid(logits)
	}
	return g.Softmax(logits)
}

type builtin struct {
	name string
	new  func(classes int) Architecture
}

// architectures is the table of architectures by name.
var architectures = []builtin{
	{"alexnet02", AlexNet02},
	{"efficientnet_lite0", EfficientNetLite0},
	{"mobilenet_v2", MobileNetV2},
	{"resnet10", ResNet10},
	{"resnet18", ResNet18},
	{"resnet50", ResNet50},
	{"vgg11", VGG11},
	{"vgg11_bn", VGG11BN},
	{"vgg16", VGG16},
	{"tiny", Tiny},
}

// Architectures returns the names that [Lookup] accepts.
func Architectures() []string {
	return named.Names(architectures, func(a builtin) string { return a.name })
}

// Lookup returns the architecture of a name for a number of classes.
func Lookup(name string, classes int) (Architecture, error) {
	a, err := named.Find("architecture", name, architectures, func(a builtin) string { return a.name })
	if err != nil {
		return Architecture{}, err
	}
	return a.new(classes), nil
}

// Built returns the architecture with layers. If it has none, they are those of the architecture of
// its name for that many classes, with a's Output and Tuning, and with a's Input if it is set.
func (a Architecture) Built(classes int) (Architecture, error) {
	if len(a.Layers) > 0 {
		return a, nil
	}
	known, err := Lookup(a.Name, classes)
	if err != nil {
		return known, err
	}
	known.Output, known.Tuning = a.Output, a.Tuning
	if len(a.Input) > 0 {
		known.Input = a.Input
		_, err = known.Shapes()
	}
	return known, err
}

// Builtin reports whether the layers are exactly those of the architecture of this name.
func (a Architecture) Builtin() bool {
	classes, err := a.Classes()
	if err != nil {
		return false
	}
	for _, known := range architectures {
		if known.name == a.Name {
			return reflect.DeepEqual(known.new(classes).Layers, a.Layers)
		}
	}
	return false
}

// Shapes returns the input shape of every layer and, last, the output shape. The error names the
// first layer with an invalid input.
func (a Architecture) Shapes() ([]Shape, error) {
	if len(a.Input) != 3 || slices.Min(a.Input) < 1 {
		input := strings.ReplaceAll(fmt.Sprint([]int(a.Input)), " ", ",")
		return nil, fmt.Errorf("architecture %s: input is %s, want [height,width,channels]", a.Name, input)
	}
	if a.Output != "" && !a.MultiLabel() {
		return nil, fmt.Errorf("architecture %s: output is %q, want %s, or none for softmax", a.Name, a.Output, Sigmoid)
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

// Focus returns the layer that Grad-CAM explains by default: the last convolution or block. If batch
// normalization and an activation follow, it is the activation. Focus returns "" if there is no such
// layer.
func (a Architecture) Focus() string {
	for i, l := range slices.Backward(a.Layers) {
		if !l.Layer.Traits().Focus {
			continue
		}
		if i+2 < len(a.Layers) && a.Layers[i+1].Layer.Kind() == (*BatchNormalization)(nil).Kind() && a.Layers[i+2].Layer.Traits().Activation {
			return a.Layers[i+2].Name
		}
		return l.Name
	}
	return ""
}

// Parameters returns the number of parameters, and how many of them are not trained.
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
	Output     Shape  `json:"output"` // for one example
	Parameters int    `json:"parameters"`
	Frozen     int    `json:"frozen,omitempty"` // not trained
}

// Summary returns one row per layer. The layers of a block come before the block's own row, which is
// its sum.
func (a Architecture) Summary() ([]Row, error) {
	steps, err := a.steps()
	if err != nil {
		return nil, err
	}
	rows := make([]Row, len(steps))
	for i, s := range steps {
		rows[i] = Row{Name: s.name, Kind: s.layer.Kind(), Output: s.out}
		if l, ok := s.layer.(*Imported); ok {
			rows[i].Kind = l.Operation
		}
		for _, p := range s.params() {
			n := p.Shape.Elements()
			rows[i].Parameters += n
			if !p.Trainable {
				rows[i].Frozen += n
			}
		}
	}
	return rows, nil
}

// Without returns the architecture without the layers of those names or kinds, also in blocks. A
// name that matches no layer is an error.
func (a Architecture) Without(words ...string) (Architecture, error) {
	out := a
	for _, word := range words {
		found := false
		out.Layers = rewrite(out.Layers, "", func(name string, l Named) []Named {
			if name == word || l.Layer.Kind() == word {
				found = true
				return nil
			}
			return []Named{l}
		})
		if !found {
			return a, a.unknown(out.Layers, word)
		}
	}
	return out, nil
}

// Replace returns the architecture with the named layer replaced. The new layer has the same name.
func (a Architecture) Replace(name string, l Layer) (Architecture, error) {
	return a.edit(name, func(old Named) []Named { return []Named{{old.Name, l}} })
}

// InsertBefore returns the architecture with layers added before the named one, in the same
// block.
func (a Architecture) InsertBefore(name string, layers ...Named) (Architecture, error) {
	return a.edit(name, func(l Named) []Named { return append(slices.Clone(layers), l) })
}

// InsertAfter returns the architecture with layers added after the named one, in the same
// block.
func (a Architecture) InsertAfter(name string, layers ...Named) (Architecture, error) {
	return a.edit(name, func(l Named) []Named { return append([]Named{l}, layers...) })
}

// edit returns the architecture with one layer replaced by the results of change.
func (a Architecture) edit(name string, change func(Named) []Named) (Architecture, error) {
	found := false
	layers := rewrite(a.Layers, "", func(at string, l Named) []Named {
		if at != name {
			return []Named{l}
		}
		found = true
		return change(l)
	})
	if !found {
		return a, a.unknown(a.Layers, name)
	}
	a.Layers = layers
	return a, nil
}

// rewrite replaces each layer by the result of change. It changes the layers of a block before the
// block.
func rewrite(layers []Named, prefix string, change func(name string, l Named) []Named) (out []Named) {
	for _, l := range layers {
		name := prefix + l.Name
		if block, ok := l.Layer.(*Residual); ok {
			l.Layer = &Residual{
				Body:     rewrite(block.Body, name+"/", change),
				Shortcut: rewrite(block.Shortcut, name+"/", change),
			}
		}
		out = append(out, change(name, l)...)
	}
	return out
}

// unknown returns the error for an unknown layer name. It lists the layers, or those of a block if
// the name starts with the block's.
func (a Architecture) unknown(layers []Named, name string) error {
	prefix := ""
	for descended := true; descended; {
		descended = false
		for _, l := range layers {
			if block, ok := l.Layer.(*Residual); ok && strings.HasPrefix(name, prefix+l.Name+"/") {
				layers, prefix, descended = slices.Concat(block.Body, block.Shortcut), prefix+l.Name+"/", true
				break
			}
		}
	}
	names := make([]string, len(layers))
	for i, l := range layers {
		names[i] = prefix + l.Name
	}
	return fmt.Errorf("no layer %q%s in %s; have %s", name, named.Suggest(name, names), a.Name, named.Join(names))
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

// UnmarshalJSON reads what MarshalJSON writes. Unknown kinds and settings are errors. Missing
// settings have their defaults.
func (n *Named) UnmarshalJSON(b []byte) error {
	fields := map[string]json.RawMessage{}
	if json.Unmarshal(b, &fields) != nil {
		return fmt.Errorf("a layer is %.40s, want {name: ..., kind: ...}", b)
	}
	var kind string
	if json.Unmarshal(fields["name"], &n.Name) != nil {
		return fmt.Errorf("layer without a name: %s", b)
	}
	if json.Unmarshal(fields["kind"], &kind) != nil {
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
	known := append([]string{"name", "kind"}, keyed.Keys(reflect.TypeOf(l).Elem())...)
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(known, key) {
			return fmt.Errorf("layer %s (%s) has an unknown key %q%s; have %s", n.Name, kind, key, named.Suggest(key, known), named.Join(known))
		}
	}
	if err := keyed.Decode(rest, l); err != nil {
		return fmt.Errorf("layer %s (%s): %w", n.Name, kind, err)
	}
	if c, ok := l.(interface{ normalize() }); ok {
		c.normalize()
	}
	n.Layer = l
	return nil
}
