package tfmodel

import (
	"fmt"
	"slices"
	"strings"
)

// step is one layer in a network as a flat list. Blocks are flattened: each layer of a block is a
// step, and the block itself is the sum at its end.
//
//	conv1, block (body: conv, relu; shortcut: none), fc
//
//	-1 image -> 0 conv1 -> 1 block/conv -> 2 block/relu -> 3 block (sum) -> 4 fc
//	               |                                          ^
//	               +------------------------------------------+
type step struct {
	name    string // in blocks: block1/conv1
	layer   Layer
	from    []int // steps of its inputs, which are added; -1: the image
	in, out Shape

	// For pretrained layers; see [Tuning].
	pretrained bool
	frozen     map[string]bool // by role
	rate       float64         // factor of the learning rate; 0: 1
}

// steps are in topological order: each comes after its inputs. The last one outputs the logits.
type steps []step

// steps returns the architecture as a flat list.
func (a Architecture) steps() (steps, error) {
	if _, err := a.Shapes(); err != nil {
		return nil, err
	}
	s, _ := steps(nil).appendLayers("", a.Layers, a.Input, -1)
	if a.Tuning == nil {
		return s, nil
	}
	return s, s[:s.head()].tune(*a.Tuning)
}

// appendLayers appends a chain of layers with checked shapes after step from. It returns the index
// of the last step.
func (s steps) appendLayers(prefix string, layers []Named, in Shape, from int) (steps, int) {
	for _, l := range layers {
		out, _ := l.Layer.OutShape(in)
		if block, ok := l.Layer.(*Residual); ok {
			s = s.appendBlock(block, prefix+l.Name, in, from)
		} else {
			s = append(s, step{name: prefix + l.Name, layer: l.Layer, from: []int{from}, in: in, out: out})
		}
		in, from = out, len(s)-1
	}
	return s, from
}

// appendBlock appends a block's branches and their sum.
func (s steps) appendBlock(r *Residual, name string, in Shape, from int) steps {
	s, body := s.appendLayers(name+"/", r.Body, in, from)
	s, shortcut := s.appendLayers(name+"/", r.Shortcut, in, from)
	out := s[body].out
	return append(s, step{name: name, layer: sum{}, from: []int{body, shortcut}, in: out, out: out})
}

// index returns the index of the step of that name, or -1.
func (s steps) index(name string) int {
	return slices.IndexFunc(s, func(s step) bool { return s.name == name })
}

// users returns the steps that have the output of step i as input.
func (s steps) users(i int) (users []int) {
	for k, user := range s {
		if slices.Contains(user.from, i) {
			users = append(users, k)
		}
	}
	return users
}

// weighted reports whether a step's layer has a kernel.
func (s steps) weighted(i int) bool {
	_, ok := s[i].layer.(Weighted)
	return ok
}

// feature returns the step whose output explanations use for a layer. For a layer with a kernel, or
// a block, followed only by an activation, it is the activation.
func (s steps) feature(i int) int {
	if s.weighted(i) || s[i].layer.Traits().Focus {
		if next := s.users(i); len(next) == 1 && s[next[0]].layer.Traits().Activation {
			return next[0]
		}
	}
	return i
}

// forEachParam calls visit for every parameter, with its full name.
func (s steps) forEachParam(visit func(name string, p Param)) {
	for _, s := range s {
		for _, p := range s.params() {
			visit(p.variable(s.name), p)
		}
	}
}

// apply adds the operations of all steps below the builder's scope, and returns the output
// of each.
func (s steps) apply(b *Builder, image Tensor) []Tensor {
	root, layer, training := b.Graph, b.layer, b.Training
	defer func() { b.Graph, b.layer, b.Training = root, layer, training }()
	s.imported(b, image)
	outputs := make([]Tensor, len(s))
	output := func(i int) Tensor {
		if i < 0 {
			return image
		}
		return outputs[i]
	}
	blocks := s.blocks(len(s))
	block := 0
	for i, s := range s {
		b.Graph, b.layer = root.In(s.name), s.name
		b.Training = training && !(s.pretrained && s.layer.Kind() == (*BatchNormalization)(nil).Kind())
		x := output(s.from[0])
		if _, ok := s.layer.(sum); ok && training && b.depth > 0 {
			block++ // the rate rises from block to block (Huang et al., equation 4)
			x = dropBody(b, x, b.depth*float64(block)/float64(blocks))
		}
		for _, more := range s.from[1:] {
			x = b.Add(x, output(more))
		}
		outputs[i] = s.layer.Apply(b, x)
		if b.Err() != nil {
			break
		}
	}
	return outputs
}

// shapes returns the input shape of every layer of a list and, last, the output shape. The error
// names the first layer with an invalid input. seen has the used names.
func shapes(layers []Named, in Shape, seen map[string]bool) ([]Shape, error) {
	all := []Shape{in}
	for i, l := range layers {
		switch {
		case l.Name == "" || l.Layer == nil:
			return nil, fmt.Errorf("layer %d has no name or no kind", i+1)
		case strings.Contains(l.Name, "/") && l.Layer.Kind() != imported:
			return nil, fmt.Errorf("layer %q has a slash in its name; one divides a block's name from those of its layers", l.Name)
		case seen[l.Name]:
			return nil, fmt.Errorf("two layers are named %q", l.Name)
		}
		seen[l.Name] = true
		out, err := l.Layer.OutShape(all[i])
		if err != nil {
			return nil, fmt.Errorf("layer %s (%s): %w", l.Name, l.Layer.Kind(), err)
		}
		if err := countable(l.Layer, all[i], out); err != nil {
			return nil, fmt.Errorf("layer %s (%s): %w", l.Name, l.Layer.Kind(), err)
		}
		all = append(all, out)
	}
	return all, nil
}

// maxOutputs is the maximum number of values of an output, because TensorFlow's kernels count with
// 32 bits. maxParameters is that of a parameter, so that bytes can be counted.
const maxOutputs, maxParameters = 1<<31 - 1, 1 << 40

// countable returns an error for the first shape of a layer, of its output or of a parameter, with
// too many values.
func countable(l Layer, in, out Shape) error {
	if !within(out, maxOutputs) {
		return fmt.Errorf("the output %v has more than %d values", out, maxOutputs)
	}
	for _, p := range l.Params(in) {
		if !within(p.Shape, maxParameters) {
			return fmt.Errorf("the %s %v has more than %d values", p.Role, p.Shape, maxParameters)
		}
	}
	return nil
}

// within reports whether a shape has at most most values.
func within(shape Shape, most int) bool {
	n := 1
	for _, d := range shape {
		if d > 0 && n > most/d {
			return false
		}
		n *= max(d, 1)
	}
	return true
}
