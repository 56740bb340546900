package tfmodel

import (
	"fmt"
	"slices"
	"strings"

	"oscar/internal/graph"
)

// step is one layer of a network laid out flat, as everything that goes
// through a network takes it: blocks are opened, and each layer says where its
// input comes from.
type step struct {
	name    string // within blocks block1/conv1
	layer   Layer
	from    []int // the steps whose outputs it takes, their sum if there are several; -1 is the image
	in, out Shape
}

// steps are in an order in which each follows all that it takes its input from.
// The last gives the logits.
type steps []step

// steps lays the architecture out.
func (a Architecture) steps() (steps, error) {
	if _, err := a.Shapes(); err != nil {
		return nil, err
	}
	s, _ := steps(nil).lay("", a.Layers, a.Input, -1)
	return s, nil
}

// lay appends layers that follow each other, of which the first takes the
// output of step from, and returns which step the last one is. The layers fit.
func (s steps) lay(prefix string, layers []Named, in Shape, from int) (steps, int) {
	for _, l := range layers {
		out, _ := l.Layer.OutShape(in)
		if block, ok := l.Layer.(*Residual); ok {
			s = s.open(block, prefix+l.Name, in, from)
		} else {
			s = append(s, step{prefix + l.Name, l.Layer, []int{from}, in, out})
		}
		in, from = out, len(s)-1
	}
	return s, from
}

// open appends a block's branches, and the sum that they end in.
func (s steps) open(r *Residual, name string, in Shape, from int) steps {
	s, body := s.lay(name+"/", r.Body, in, from)
	s, shortcut := s.lay(name+"/", r.Shortcut, in, from)
	out := s[body].out
	return append(s, step{name, sum{}, []int{body, shortcut}, out, out})
}

// index returns a layer's place, -1 if there is none of that name.
func (s steps) index(name string) int {
	return slices.IndexFunc(s, func(s step) bool { return s.name == name })
}

// users are the steps that take a step's output.
func (s steps) users(i int) (users []int) {
	for k, user := range s {
		if slices.Contains(user.from, i) {
			users = append(users, k)
		}
	}
	return users
}

// feature returns where a layer is looked at: a convolution, dense layer or
// block that nothing but an activation takes is looked at after it.
func (s steps) feature(i int) int {
	switch s[i].layer.(type) {
	case *Conv2D, *Dense, sum:
		if next := s.users(i); len(next) == 1 && isActivation(s[next[0]].layer) {
			return next[0]
		}
	}
	return i
}

// forEachParam calls visit for every parameter, with its full name.
func (s steps) forEachParam(visit func(name string, p Param)) {
	for _, s := range s {
		for _, p := range s.layer.Params(s.in) {
			visit(s.name+"/"+p.Role, p)
		}
	}
}

// apply adds the operations of all layers below the builder's scope, and
// returns the output of each.
func (s steps) apply(b *Builder, image graph.Tensor) []graph.Tensor {
	root, layer := b.Graph, b.layer
	defer func() { b.Graph, b.layer = root, layer }()
	outputs := make([]graph.Tensor, len(s))
	output := func(i int) graph.Tensor {
		if i < 0 {
			return image
		}
		return outputs[i]
	}
	for i, s := range s {
		b.Graph, b.layer = root.In(s.name), s.name
		x := output(s.from[0])
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

// shapes returns the input shape of every layer of a list and, last, the
// output's, or names the first layer that does not fit. seen are the names of
// the layers beside them.
func shapes(layers []Named, in Shape, seen map[string]bool) ([]Shape, error) {
	all := []Shape{in}
	for i, l := range layers {
		switch {
		case l.Name == "" || l.Layer == nil:
			return nil, fmt.Errorf("layer %d has no name or no kind", i+1)
		case strings.Contains(l.Name, "/"):
			return nil, fmt.Errorf("layer %q has a slash in its name; one divides a block's name from those of its layers", l.Name)
		case seen[l.Name]:
			return nil, fmt.Errorf("two layers are named %q", l.Name)
		}
		seen[l.Name] = true
		out, err := l.Layer.OutShape(all[i])
		if err != nil {
			return nil, fmt.Errorf("layer %s (%s): %w", l.Name, l.Layer.Kind(), err)
		}
		all = append(all, out)
	}
	return all, nil
}
