package graph

import (
	"fmt"
	"strings"

	"github.com/wamuir/graft/tensorflow/core/framework/graph_go_proto"
	"google.golang.org/protobuf/proto"
)

// Part is a serialized GraphDef that is joined with others.
type Part struct {
	Scope  string // of its operations in the joined graph
	Device string // for its operations without a device; "": none
	Def    []byte
}

// Join returns the GraphDef of all parts. links has names of operations in parts, and the tensors
// that replace their first output, such as "a/x" and "b/y:1". So two parts can use each other's
// outputs, which is impossible with successive calls of [Graph.Import]. The replaced operations are
// left out. All parts with functions must have the same functions.
func Join(parts []Part, links map[string]string) ([]byte, error) {
	joined, found := &graph_go_proto.GraphDef{}, map[string]bool{}
	for _, p := range parts {
		def := &graph_go_proto.GraphDef{}
		if err := proto.Unmarshal(p.Def, def); err != nil {
			return nil, fmt.Errorf("join graph %s: %w", p.Scope, err)
		}
		joined.Versions = def.Versions
		if def.Library != nil {
			joined.Library = def.Library
		}
		for _, n := range def.Node {
			n.Name = p.Scope + "/" + n.Name
			if _, replaced := links[n.Name]; replaced {
				found[n.Name] = true
				continue
			}
			if n.Device == "" {
				n.Device = p.Device
			}
			for i, in := range n.Input {
				n.Input[i] = linked(p.Scope, in, links)
			}
			joined.Node = append(joined.Node, n)
		}
	}
	for name := range links {
		if !found[name] {
			return nil, fmt.Errorf("join graphs: no part has an operation %s", name)
		}
	}
	return proto.Marshal(joined)
}

// linked returns the name of an input in the joined graph; "^x" is a control dependency.
func linked(scope, in string, links map[string]string) string {
	if after, control := strings.CutPrefix(in, "^"); control {
		op, _, _ := strings.Cut(linked(scope, after, links), ":")
		return "^" + op
	}
	name := scope + "/" + strings.TrimSuffix(in, ":0")
	if by, replaced := links[name]; replaced {
		return by
	}
	return name
}
