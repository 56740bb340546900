package foreign

import (
	"context"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/tensor_go_proto"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"oscar/internal/graph"
	"oscar/internal/paths"
)

// checkpoint returns the path prefix of the variables' values.
func (m *Model) checkpoint() string { return filepath.Join(m.dir, "variables", "variables") }

// values reads only the variables that a flat graph reads. It parses the model's restore function
// but does not run it, because in a Keras 3 model of tf.saved_model.save this function sets the
// wrong variables.
func (m *Model) values(ctx context.Context, variables []*variable) ([]graph.Value, error) {
	if len(variables) == 0 {
		return nil, nil
	}
	entries, err := m.restored()
	if err != nil {
		return nil, fmt.Errorf("restoring the variables: %w", err)
	}
	var missing []string
	for _, v := range variables {
		if _, ok := entries[v.name]; !ok {
			missing = append(missing, v.name)
		}
	}
	if len(missing) > 0 {
		missing, err = m.tracked(ctx, missing, entries)
		if err != nil {
			return nil, err
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("the checkpoint has no value for %d variables, as %s", len(missing), missing[0])
	}
	list := make([]graph.Entry, len(variables))
	held := paths.SizeOf(m.checkpoint() + ".data-*") // an element takes at least one byte
	left := held
	for i, v := range variables {
		e := entries[v.name]
		e.DType, e.Shape = v.dtype, v.shape
		if slices.Contains(e.Shape, -1) {
			e.Shape = nil
		}
		size := int64(1)
		for _, d := range e.Shape {
			if d > 0 && size > left/int64(d) {
				return nil, fmt.Errorf("the variables, as %s %v, are larger than the files of %s with %d bytes", v.name, e.Shape, m.checkpoint(), held)
			}
			size *= int64(d)
		}
		left -= size
		list[i] = e
	}
	return graph.ReadCheckpoint(ctx, m.checkpoint(), list)
}

// restored returns the checkpoint's tensor for each variable. It reads them from the graph that
// restores the model.
func (m *Model) restored() (map[string]graph.Entry, error) {
	entries := map[string]graph.Entry{}
	saver := m.meta.GetSaverDef()
	if saver.GetRestoreOpName() == "" {
		return entries, nil
	}
	f := m.flattener()
	seen := map[string]bool{}
	var visit func(c *frame, name string) error
	visit = func(c *frame, name string) error {
		name, _, _ = strings.Cut(strings.TrimPrefix(name, "^"), ":")
		n := c.nodes[name]
		if key := c.path + name; n == nil || seen[key] {
			return nil
		} else {
			seen[key] = true
		}
		fn, err := c.callee(n)
		if err != nil {
			return err
		}
		switch {
		case fn != nil:
			body, err := c.enter(n, fn, data(n))
			if err != nil {
				return err
			}
			for _, inner := range fn.def.NodeDef {
				if err := visit(body, inner.Name); err != nil {
					return err
				}
			}
		case (n.Op == "AssignVariableOp" || n.Op == "Assign") && len(data(n)) == 2:
			return f.assigned(c, n, entries)
		}
		for _, in := range n.Input {
			if strings.HasPrefix(in, "^") {
				if err := visit(c, in); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return entries, visit(f.root, saver.GetRestoreOpName())
}

// assigned records the checkpoint's tensor that an assignment gives to a variable, if there is one.
func (f *flattener) assigned(c *frame, n *node_def_go_proto.NodeDef, entries map[string]graph.Entry) error {
	in := data(n)
	to, err := c.resolve(in[0])
	if err != nil {
		return err
	}
	name := to.node
	if to.handle != nil {
		name = to.handle.name
	}
	from, err := c.resolve(in[1])
	if err != nil {
		return err
	}
	read := f.byName[from.node]
	if read.GetOp() != "RestoreV2" || len(read.Input) != 3 {
		return nil
	}
	keys, slices := f.constantStrings(read.Input[1]), f.constantStrings(read.Input[2])
	if from.index < len(keys) && from.index < len(slices) {
		entries[name] = graph.Entry{Key: keys[from.index], Slice: slices[from.index]}
	}
	return nil
}

func (f *flattener) constantStrings(input string) []string {
	return stringsOf(f.byName[refOf(input).node].GetAttr()["value"].GetTensor())
}

// stringsOf reads a tensor of strings in either encoding.
func stringsOf(t *tensor_go_proto.TensorProto) (out []string) {
	for _, s := range t.GetStringVal() {
		out = append(out, string(s))
	}
	if len(out) > 0 || len(t.GetTensorContent()) == 0 {
		return out
	}
	n := shapeOf(t.GetTensorShape()).Elements()
	rest := t.TensorContent
	var sizes []uint64
	for range n {
		size, used := binary.Uvarint(rest)
		if used <= 0 {
			return nil
		}
		sizes, rest = append(sizes, size), rest[used:]
	}
	for _, size := range sizes {
		if size > uint64(len(rest)) {
			return nil
		}
		out, rest = append(out, string(rest[:size])), rest[size:]
	}
	return out
}

// tracked finds the tensors of variables in the checkpoint's object graph, as TensorFlow's Python
// loader does. It returns the variables that it does not find.
func (m *Model) tracked(ctx context.Context, variables []string, entries map[string]graph.Entry) (missing []string, err error) {
	concrete := m.meta.GetObjectGraphDef().GetConcreteFunctions()
	if len(concrete) == 0 {
		return variables, nil
	}
	bound := map[string]int32{} // the node of each handle in the object graph
	for _, n := range m.meta.GetGraphDef().GetNode() {
		fn, err := m.callee(n)
		if fn == nil || err != nil {
			continue
		}
		captured := concrete[fn.def.GetSignature().GetName()].GetBoundInputs()
		in := data(n)
		if len(captured) > len(in) {
			continue
		}
		for i, name := range in[len(in)-len(captured):] {
			handle, _, _ := strings.Cut(name, ":")
			bound[handle] = captured[i]
		}
	}
	values, err := graph.ReadCheckpoint(ctx, m.checkpoint(), []graph.Entry{{Key: "_CHECKPOINTABLE_OBJECT_GRAPH", DType: graph.String}})
	if err != nil {
		return nil, err
	}
	table := &pb.TrackableObjectGraph{}
	if err := proto.Unmarshal([]byte(values[0].Str()), table); err != nil {
		return nil, fmt.Errorf("the checkpoint's table of objects is damaged: %w", err)
	}
	for _, name := range variables {
		id, ok := bound[name]
		key := ""
		if ok && id >= 0 && int(id) < len(table.GetNodes()) {
			for _, a := range table.Nodes[id].GetAttributes() {
				if a.GetName() == "VARIABLE_VALUE" {
					key = a.GetCheckpointKey()
				}
			}
		}
		if key == "" {
			missing = append(missing, name)
			continue
		}
		entries[name] = graph.Entry{Key: key}
	}
	return missing, nil
}
