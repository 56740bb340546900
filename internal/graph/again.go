package graph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wamuir/graft/tensorflow/core/framework/graph_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
	"google.golang.org/protobuf/proto"
)

// Again adds a second copy of the operations that lead from x to ys, with other in the
// place of x, and returns the copies of ys. The copy shares everything that does not depend
// on x, such as variables. other must have x's type, and a shape that the operations accept.
// A y that does not depend on x is returned itself.
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
	def, err := g.Def()
	if err != nil {
		g.Fail(err)
		return none
	}
	whole := &graph_go_proto.GraphDef{}
	if err := proto.Unmarshal(def, whole); err != nil {
		g.Fail(fmt.Errorf("copy: %w", err))
		return none
	}
	byName := map[string]*node_def_go_proto.NodeDef{}
	for _, n := range whole.Node {
		byName[n.Name] = n
	}
	between := between(byName, x, ys)
	replace := map[string]Tensor{x.Name(): other}
	part := &graph_go_proto.GraphDef{Versions: whole.Versions, Library: whole.Library}
	for _, n := range whole.Node {
		if !between[n.Name] {
			continue
		}
		n.Input = slices.DeleteFunc(n.Input, func(in string) bool { return strings.HasPrefix(in, "^") && !between[in[1:]] })
		for _, in := range n.Input {
			op, _, _ := strings.Cut(strings.TrimPrefix(in, "^"), ":")
			if between[op] || in == x.Name() || in+":0" == x.Name() {
				continue
			}
			if replace[in], err = g.Tensor(in); err != nil {
				g.Fail(err)
				return none
			}
		}
		part.Node = append(part.Node, n)
	}
	copied := &Graph{g.state, g.unique("again")}
	if len(part.Node) > 0 {
		if def, err = proto.Marshal(part); err == nil {
			err = copied.Import(def, replace)
		}
		if err != nil {
			g.Fail(err)
			return none
		}
	}
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

// between returns the operations that use x, directly or not, and that ys need.
func between(byName map[string]*node_def_go_proto.NodeDef, x Tensor, ys []Tensor) map[string]bool {
	uses := map[string]bool{} // x; an entry that is false: no, or not known yet
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
