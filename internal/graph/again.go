package graph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wamuir/graft/tensorflow/core/framework/graph_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
	"google.golang.org/protobuf/proto"
)

// Again adds a copy of the operations that lead from x to ys, with other in place of x, and returns
// the copies of ys. The copy shares everything that does not depend on x, such as variables. other
// must have x's type, and a shape that the operations accept. A y that does not depend on x is
// returned unchanged.
func (g *Graph) Again(x, other Tensor, ys ...Tensor) []Tensor {
	none := make([]Tensor, len(ys))
	for _, t := range append([]Tensor{x, other}, ys...) {
		if !t.valid {
			g.Fail(fmt.Errorf("copy: an input is not a tensor"))
		}
	}
	if g.err != nil {
		return none
	}
	def := g.nodes("copy")
	if g.err != nil {
		return none
	}
	between := between(def.byName, x, ys)
	copied := g.copied("again", def, between, map[string]Tensor{x.Name(): other}, nil)
	if g.err != nil {
		return none
	}
	var err error
	out := make([]Tensor, len(ys))
	for i, y := range ys {
		switch op, _, _ := strings.Cut(y.Name(), ":"); {
		case y.Name() == x.Name():
			out[i] = other
		case !between[op]:
			out[i] = y
		default:
			if out[i], err = copied.Tensor(copied.path(y.Name())); err != nil {
				g.Fail(err)
				return none
			}
		}
	}
	return out
}

// definition is a serialized graph, and its operations by name.
type definition struct {
	*graph_go_proto.GraphDef
	byName map[string]*node_def_go_proto.NodeDef
}

// nodes returns the graph's definition. what names the caller in errors.
func (g *Graph) nodes(what string) definition {
	d := definition{&graph_go_proto.GraphDef{}, map[string]*node_def_go_proto.NodeDef{}}
	def, err := g.Def()
	if err == nil {
		err = proto.Unmarshal(def, d.GraphDef)
	}
	if err != nil {
		g.Fail(fmt.Errorf("%s: %w", what, err))
		return d
	}
	for _, n := range d.Node {
		d.byName[n.Name] = n
	}
	return d
}

// copied adds a copy of some operations in a new scope, and returns this scope. Inputs from other
// operations are shared, unless replace has a tensor for them. edit can change an operation and
// return others to add; it may be nil.
func (g *Graph) copied(scope string, def definition, chosen map[string]bool, replace map[string]Tensor,
	edit func(*node_def_go_proto.NodeDef) []*node_def_go_proto.NodeDef) *Graph {
	copied := &Graph{g.state, g.unique(scope), g.device}
	part := &graph_go_proto.GraphDef{Versions: def.Versions, Library: def.Library}
	for _, n := range def.Node {
		if !chosen[n.Name] {
			continue
		}
		n.Input = slices.DeleteFunc(n.Input, func(in string) bool { return strings.HasPrefix(in, "^") && !chosen[in[1:]] })
		for _, in := range n.Input {
			op, _, _ := strings.Cut(strings.TrimPrefix(in, "^"), ":")
			if _, replaced := replace[in]; replaced || chosen[op] {
				continue
			}
			if _, replaced := replace[in+":0"]; replaced {
				continue
			}
			t, err := g.Tensor(in)
			if err != nil {
				g.Fail(err)
				return copied
			}
			replace[in] = t
		}
		if edit != nil {
			part.Node = append(part.Node, edit(n)...)
		}
		part.Node = append(part.Node, n)
	}
	if len(part.Node) == 0 {
		return copied
	}
	text, err := proto.Marshal(part)
	if err == nil {
		err = copied.Import(text, replace)
	}
	if err != nil {
		g.Fail(err)
	}
	return copied
}

// between returns the operations that depend on x and that ys depend on.
func between(byName map[string]*node_def_go_proto.NodeDef, x Tensor, ys []Tensor) map[string]bool {
	uses := map[string]bool{} // of x; a false entry means no, or not yet known
	var walk func(name string) bool
	walk = func(name string) bool {
		if found, seen := uses[name]; seen {
			return found
		}
		uses[name] = false
		found := false
		for _, in := range byName[name].GetInput() {
			if strings.HasPrefix(in, "^") {
				continue
			}
			op, number, numbered := strings.Cut(in, ":")
			if !numbered {
				number = "0"
			}
			if op+":"+number == x.Name() {
				found = true
			} else if walk(op) {
				found = true
			}
		}
		uses[name] = found
		return found
	}
	for _, y := range ys {
		if y.Name() != x.Name() {
			op, _, _ := strings.Cut(y.Name(), ":")
			walk(op)
		}
	}
	out := map[string]bool{}
	for name, found := range uses {
		if found {
			out[name] = true
		}
	}
	return out
}
