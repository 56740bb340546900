package foreign

import (
	"fmt"
	"maps"
	"slices"

	"github.com/wamuir/graft/tensorflow/core/framework/attr_value_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/function_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/graph_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/tensor_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/tensor_shape_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"
	"google.golang.org/protobuf/proto"

	"oscar/internal/graph"
	"oscar/savedmodel/foreign/rewrite"
)

// flat is a signature's graph without function calls, from the Placeholder image to output. It uses
// the names of variables as tensors.
type flat struct {
	*flattener
	options   Options
	signature Signature
	image     *node_def_go_proto.NodeDef
	output    ref
	rewritten map[string]int  // number of rewritten operations, by type
	first     map[string]bool // nodes whose output is [N,channels,height,width]
}

// flatten inlines the functions of a signature into one graph. If the model leaves the image size
// open, it is that of the options.
func (m *Model) flatten(o Options) (*flat, error) {
	sig, err := m.choose(o.Signature, o.Output)
	if err != nil {
		return nil, err
	}
	out, err := sig.output(o.Output)
	if err != nil {
		return nil, err
	}
	f := &flat{flattener: m.flattener(), signature: sig, options: o}
	if f.output, err = f.root.resolve(out.Tensor); err != nil {
		return nil, err
	}
	in, err := f.root.resolve(sig.Inputs[0].Tensor)
	if err != nil {
		return nil, err
	}
	f.image = f.byName[in.node]
	if f.image.GetOp() != "Placeholder" {
		return nil, fmt.Errorf("the input of signature %s is not a Placeholder", sig.Name)
	}
	if f.output.dead || f.output.handle != nil || f.byName[f.output.node] == nil {
		return nil, fmt.Errorf("the output %s of signature %s gives nothing", out.Name, sig.Name)
	}
	for _, n := range f.nodes {
		if n.Op == "Placeholder" && n != f.image && !slices.ContainsFunc(f.variables, func(v *variable) bool { return v.name == n.Name }) {
			return nil, fmt.Errorf("the output %s needs %s, which is not an input of signature %s", out.Name, n.Name, sig.Name)
		}
	}
	if !f.dependents(f.image.Name)[f.output.node] {
		return nil, fmt.Errorf("the output %s of signature %s does not depend on the image", out.Name, sig.Name)
	}
	if !o.Trust {
		if err := m.checkTrust(f.nodes); err != nil {
			return nil, err
		}
	}
	return f, f.size(o)
}

// size sets the shape of the image input.
func (f *flat) size(o Options) error {
	shape := shapeOf(f.image.Attr["shape"].GetShape())
	if len(f.signature.Inputs[0].Shape) == 4 { // at least as precise as the Placeholder's shape
		shape = f.signature.Inputs[0].Shape
	}
	if shape == nil {
		shape = graph.Shape{-1, -1, -1, 3}
	}
	if len(shape) != 4 {
		return fmt.Errorf("the model takes %v, want images [N,height,width,channels]", shape)
	}
	height, width := 1, 2
	if few(shape[1]) && !few(shape[3]) {
		height, width = 2, 3
	}
	shape = slices.Clone(shape)
	shape[0] = -1
	for k, axis := range []int{height, width} {
		given := [2]int{o.Image.Height, o.Image.Width}[k]
		switch {
		case shape[axis] < 0 && given == 0:
			return needsOption("the model takes images of any size; choose one with --input-size HEIGHTxWIDTH, best that of its training")
		case shape[axis] < 0:
			shape[axis] = given
		case given != 0 && given != shape[axis]:
			return needsOption("--input-size has a side of %d, the model takes %v", given, shape)
		}
		if shape[axis] < 1 || shape[axis] > 16384 {
			return fmt.Errorf("images of %v have a side that is not from 1 to 16384", shape)
		}
	}
	if shape[6-height-width] < 0 && height == 1 {
		shape[3] = 3
	}
	f.image.Attr["shape"] = shapeAttr(shape...)
	return nil
}

// few reports whether a dimension can be an image's number of channels.
func few(d int) bool { return d == 1 || d == 3 || d == 4 }

// dependents returns the operations that depend on an operation, with itself.
func (f *flat) dependents(name string) map[string]bool {
	set := map[string]bool{name: true}
	for _, n := range f.nodes {
		for _, in := range n.Input {
			if set[refOf(in).node] {
				set[n.Name] = true
			}
		}
	}
	return set
}

// def returns the graph as a serialized GraphDef without some nodes.
func (f *flat) def(without map[string]bool) ([]byte, error) {
	g := &graph_go_proto.GraphDef{Versions: f.meta.GetGraphDef().GetVersions(), Library: &function_go_proto.FunctionDefLibrary{}}
	for _, n := range f.nodes {
		if !without[n.Name] {
			g.Node = append(g.Node, n)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.closure(g.Node))) {
		g.Library.Function = append(g.Library.Function, f.functions[name].def)
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(g)
}

// shapes imports the graph, so that TensorFlow checks it, and returns a function for the shapes of
// its tensors.
func (f *flat) shapes() (func(tensor string) (graph.Shape, graph.DType), error) {
	def, err := f.def(nil)
	if err != nil {
		return nil, err
	}
	g := graph.New()
	if err := g.Import(def, nil); err != nil {
		return nil, err
	}
	return func(tensor string) (graph.Shape, graph.DType) {
		t, err := g.Tensor(tensor)
		if err != nil {
			return nil, 0
		}
		return t.Shape(), t.DType()
	}, nil
}

// mend replaces operations whose gradient is missing or wrong in TensorFlow.
func (f *flat) mend() error {
	shapes, err := f.shapes()
	for err == nil && f.foldSizes(shapes) { // a size can make the next one known
		shapes, err = f.shapes()
	}
	if err != nil {
		return err
	}
	var nodes []*node_def_go_proto.NodeDef
	nodes, f.rewritten, err = rewrite.Graph(f.nodes, func(tensor string) graph.Shape {
		s, _ := shapes(tensor)
		return s
	})
	if err != nil {
		return err
	}
	f.nodes = nodes
	for _, n := range nodes {
		f.byName[n.Name] = n
	}
	return nil
}

// foldSizes replaces sizes that are taken from a tensor's shape by constants if they are known.
// Without a known size TensorFlow does not know the shapes after an operation such as a random
// rotation. It returns whether there were any.
func (f *flat) foldSizes(shapes func(string) (graph.Shape, graph.DType)) bool {
	folded := false
	for _, n := range f.nodes {
		if n.Op != "StridedSlice" || len(n.Input) != 4 || f.byName[refOf(n.Input[0]).node].GetOp() != "Shape" {
			continue
		}
		size, _ := shapes(f.byName[refOf(n.Input[0]).node].Input[0])
		dims, ok := f.sliced(n, size)
		if !ok {
			continue
		}
		t := &tensor_go_proto.TensorProto{Dtype: n.Attr["T"].GetType(), TensorShape: &tensor_shape_go_proto.TensorShapeProto{}}
		if n.Attr["shrink_axis_mask"].GetI() == 0 {
			t.TensorShape.Dim = []*tensor_shape_go_proto.TensorShapeProto_Dim{{Size: int64(len(dims))}}
		}
		for _, d := range dims {
			if t.Dtype == types_go_proto.DataType_DT_INT64 {
				t.Int64Val = append(t.Int64Val, int64(d))
			} else {
				t.IntVal = append(t.IntVal, int32(d))
			}
		}
		n.Op, n.Input = "Const", nil
		n.Attr = attrs{"dtype": typeAttr(t.Dtype), "value": {Value: &attr_value_go_proto.AttrValue_Tensor{Tensor: t}}}
		folded = true
	}
	return folded
}

// sliced returns the sizes that a StridedSlice takes from a shape, if they are known.
func (f *flat) sliced(n *node_def_go_proto.NodeDef, size graph.Shape) (dims graph.Shape, ok bool) {
	begin, end, step := f.ints(n.Input[1]), f.ints(n.Input[2]), f.ints(n.Input[3])
	if len(begin) != 1 || len(end) != 1 || len(step) != 1 || step[0] != 1 || n.Attr["ellipsis_mask"].GetI() != 0 || n.Attr["new_axis_mask"].GetI() != 0 {
		return nil, false
	}
	at := func(i int64) int64 {
		if i < 0 {
			i += int64(len(size))
		}
		return min(max(i, 0), int64(len(size)))
	}
	from, to := at(begin[0]), at(end[0])
	if n.Attr["begin_mask"].GetI() != 0 {
		from = 0
	}
	switch {
	case n.Attr["shrink_axis_mask"].GetI() != 0:
		to = from + 1
	case n.Attr["end_mask"].GetI() != 0:
		to = int64(len(size))
	}
	if from >= to || to > int64(len(size)) {
		return nil, false
	}
	dims = size[from:to]
	return dims, !slices.ContainsFunc(dims, func(d int) bool { return d < 1 })
}
