package foreign

import (
	"encoding/binary"
	"slices"

	"github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"
)

// channelsFirst returns the nodes with outputs [N,channels,height,width]. They start at an image in
// this format, or at an operation with this format, and end at a transposition. It must run before
// [flat.mend], which puts such operations between two transpositions.
func (f *flat) channelsFirst() map[string]bool {
	first := map[string]bool{}
	for _, n := range f.nodes {
		first[n.Name] = f.isChannelsFirst(n, first)
	}
	return first
}

// isChannelsFirst reports whether a node's output has this format, given the formats of its inputs.
func (f *flat) isChannelsFirst(n *node_def_go_proto.NodeDef, first map[string]bool) bool {
	of := slices.ContainsFunc(n.Input, func(in string) bool { return first[refOf(in).node] })
	switch n.Op {
	case "Placeholder":
		in := shapeOf(n.Attr["shape"].GetShape())
		return n == f.image && len(in) == 4 && few(in[1]) && !few(in[3])
	case "Transpose":
		if len(n.Input) != 2 {
			return false
		}
		switch order := f.ints(n.Input[1]); {
		case slices.Equal(order, []int64{0, 3, 1, 2}):
			return !of
		case slices.Equal(order, []int64{0, 1, 2, 3}), slices.Equal(order, []int64{0, 1, 3, 2}):
			return of
		}
		return false
	case "Mean", "Sum", "Max", "Min", "Prod":
		return of && n.Attr["keep_dims"].GetB()
	case "Reshape", "MatMul", "BatchMatMul", "BatchMatMulV2", "Einsum", "Shape":
		return false
	}
	return of || string(n.Attr["data_format"].GetS()) == "NCHW"
}

// ints returns the values of an integer constant, or nil for other tensors.
func (f *flat) ints(tensor string) (out []int64) {
	n := f.byName[refOf(tensor).node]
	t := n.GetAttr()["value"].GetTensor()
	if n.GetOp() != "Const" || t == nil {
		return nil
	}
	for _, v := range t.IntVal {
		out = append(out, int64(v))
	}
	out = append(out, t.Int64Val...)
	if len(out) > 0 {
		return out
	}
	b := t.TensorContent
	switch t.Dtype {
	case types_go_proto.DataType_DT_INT32:
		for ; len(b) >= 4; b = b[4:] {
			out = append(out, int64(int32(binary.LittleEndian.Uint32(b))))
		}
	case types_go_proto.DataType_DT_INT64:
		for ; len(b) >= 8; b = b[8:] {
			out = append(out, int64(binary.LittleEndian.Uint64(b)))
		}
	}
	return out
}
