package rewrite

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/wamuir/graft/tensorflow/core/framework/attr_value_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/tensor_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/tensor_shape_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"
	"google.golang.org/protobuf/proto"

	"oscar/internal/graph"
)

type (
	node  = node_def_go_proto.NodeDef
	value = attr_value_go_proto.AttrValue
	attrs = map[string]*value
)

// replacement rewrites one operation.
type replacement = func(e *editor, n *node) (bool, error)

// replacements is the table of replacements. A function adds operations before n and changes n,
// which keeps its name. It returns false if n needs no change. A changed n is looked up again.
func replacements() map[string][]replacement {
	return map[string][]replacement{
		"AvgPool":               {channelsLast},
		"BiasAdd":               {channelsLast},
		"Conv2D":                {channelsLast, grouped, explicitPadding, dilation},
		"Conv2DBackpropInput":   {transposedChannelsLast},
		"DepthwiseConv2dNative": {channelsLast, explicitPadding, dilation},
		"Erfc":                  {erfc},
		"ExtractImagePatches":   {patches},
		"FusedBatchNorm":        {fusedBatchNorm, channelsLast},
		"FusedBatchNormV2":      {fusedBatchNorm, channelsLast},
		"FusedBatchNormV3":      {channelsLast},
		"GatherV2":              {gatherAxis},
		"LRN":                   {lrn},
		"LogSoftmax":            {logSoftmax},
		"MaxPool":               {channelsLast, explicitPadding},
		"MaxPoolWithArgmax":     {maxPoolWithArgmax},
		"OnesLike":              {onesLike},
	}
}

// Graph applies the table's replacements. It returns the nodes in order, and the number of replaced
// operations of each type. shapes returns a tensor's shape, or nil if it is unknown.
func Graph(nodes []*node, shapes func(tensor string) graph.Shape) ([]*node, map[string]int, error) {
	e := &editor{table: replacements(), shapes: shapes, added: map[string]graph.Shape{}, names: map[string]bool{}, byName: map[string]*node{}, count: map[string]int{}, inner: map[string]bool{}}
	for _, n := range nodes {
		e.names[n.Name], e.byName[n.Name] = true, n
		for _, in := range n.Input {
			e.inner[in] = true
		}
	}
	for _, n := range nodes {
		if err := e.emit(proto.Clone(n).(*node)); err != nil {
			return nil, nil, err
		}
	}
	return e.out, e.count, nil
}

// emit adds an operation after applying its replacements.
func (e *editor) emit(n *node) error {
	for changed := true; changed; {
		changed = false
		was := n.Op
		for _, replace := range e.table[was] {
			done, err := replace(e, n)
			if err != nil {
				return fmt.Errorf("%s (%s): %w", n.Name, was, err)
			}
			if done {
				e.count[was]++
				changed = true
				break
			}
		}
	}
	e.out = append(e.out, n)
	return nil
}

// editor adds operations to the new graph.
type editor struct {
	table  map[string][]replacement
	shapes func(tensor string) graph.Shape
	added  map[string]graph.Shape // shapes of added tensors, if needed
	names  map[string]bool
	byName map[string]*node // nodes of the original graph
	inner  map[string]bool  // tensors that are inputs of other nodes
	out    []*node
	count  map[string]int
}

// add adds an operation named after n, and returns its name.
func (e *editor) add(n *node, suffix, op string, a attrs, in ...string) string {
	name := e.free(n, suffix)
	e.out = append(e.out, &node{Name: name, Op: op, Input: in, Attr: a})
	return name
}

func (e *editor) free(n *node, suffix string) string {
	name := n.Name + "/" + suffix
	for k := 1; e.names[name]; k++ {
		name = fmt.Sprintf("%s/%s_%d", n.Name, suffix, k)
	}
	e.names[name] = true
	return name
}

// constant adds a constant with the given shape and bytes.
func (e *editor) constant(n *node, t types_go_proto.DataType, shape []int64, content []byte) string {
	s := &tensor_shape_go_proto.TensorShapeProto{}
	for _, d := range shape {
		s.Dim = append(s.Dim, &tensor_shape_go_proto.TensorShapeProto_Dim{Size: d})
	}
	v := &tensor_go_proto.TensorProto{Dtype: t, TensorShape: s, TensorContent: content}
	return e.add(n, "const", "Const", attrs{"dtype": typeOf(t), "value": {Value: &attr_value_go_proto.AttrValue_Tensor{Tensor: v}}})
}

func (e *editor) ints(n *node, shape []int64, v ...int64) string {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, uint32(int32(x)))
	}
	return e.constant(n, types_go_proto.DataType_DT_INT32, shape, b)
}

func (e *editor) floats(n *node, shape []int64, v ...float32) string {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return e.constant(n, types_go_proto.DataType_DT_FLOAT, shape, b)
}

// scalar adds a float constant, cast to n's type.
func (e *editor) scalar(n *node, x float32) string {
	name := e.floats(n, nil, x)
	if t := n.Attr["T"].GetType(); t != types_go_proto.DataType_DT_FLOAT {
		name = e.add(n, "cast", "Cast", attrs{"SrcT": typeOf(types_go_proto.DataType_DT_FLOAT), "DstT": typeOf(t), "Truncate": {Value: &attr_value_go_proto.AttrValue_B{}}}, name)
	}
	return name
}

// shape returns a tensor's shape, or nil if it is unknown.
func (e *editor) shape(tensor string) graph.Shape {
	if s, ok := e.added[tensor]; ok {
		return s
	}
	return e.shapes(tensor)
}

// dims returns the dimensions of a tensor with that rank. All except the batch must be known, else
// ok is false.
func (e *editor) dims(tensor string, rank int) ([]int64, bool) {
	s := e.shape(tensor)
	if len(s) != rank || rank > 1 && slices.Min(s[1:]) < 1 {
		return nil, false
	}
	out := make([]int64, rank)
	for i, d := range s {
		out[i] = int64(d)
	}
	return out, true
}

func typeOf(t types_go_proto.DataType) *value {
	return &value{Value: &attr_value_go_proto.AttrValue_Type{Type: t}}
}

func text(s string) *value { return &value{Value: &attr_value_go_proto.AttrValue_S{S: []byte(s)}} }

func list(v ...int64) *value {
	return &value{Value: &attr_value_go_proto.AttrValue_List{List: &attr_value_go_proto.AttrValue_ListValue{I: v}}}
}

func listOf(n *node, name string) []int64 { return n.Attr[name].GetList().GetI() }
func textOf(n *node, name string) string  { return string(n.Attr[name].GetS()) }

var int32Type = typeOf(types_go_proto.DataType_DT_INT32)

// takes returns an error if an operation has another number of inputs.
func takes(n *node, count int) error {
	if len(n.Input) != count {
		return fmt.Errorf("it has %d inputs, want %d", len(n.Input), count)
	}
	return nil
}

// become turns n into another operation.
func become(n *node, op string, a attrs, in ...string) { n.Op, n.Attr, n.Input = op, a, in }

func number(x float32) *value { return &value{Value: &attr_value_go_proto.AttrValue_F{F: x}} }

// convolution returns the attributes of a convolution with n's type.
func convolution(n *node, rows, columns int64, padding string) attrs {
	return attrs{
		"T": n.Attr["T"], "strides": list(1, rows, columns, 1), "padding": text(padding), "dilations": list(1, 1, 1, 1),
		"explicit_paddings": list(), "data_format": text("NHWC"), "use_cudnn_on_gpu": {Value: &attr_value_go_proto.AttrValue_B{B: true}},
	}
}
