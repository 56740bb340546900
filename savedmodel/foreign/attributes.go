package foreign

import (
	"fmt"
	"strings"

	"github.com/wamuir/graft/tensorflow/core/framework/attr_value_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/op_def_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/tensor_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/tensor_shape_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"
	"google.golang.org/protobuf/proto"
)

type attrs = map[string]*attr_value_go_proto.AttrValue

// complete checks an operation's attributes, removes annotations, and adds defaults, which are
// omitted in SavedModels.
func (f *flattener) complete(n *node_def_go_proto.NodeDef, op *op_def_go_proto.OpDef) error {
	if n.Attr == nil {
		n.Attr = attrs{}
	}
	for name, v := range n.Attr {
		switch {
		case strings.HasPrefix(name, "_"):
			delete(n.Attr, name)
		case v.GetPlaceholder() != "":
			return fmt.Errorf("%s (%s): the attribute %s has no value", n.Name, n.Op, name)
		}
		if t := v.GetTensor(); t != nil {
			if err := checkSize(t); err != nil {
				return fmt.Errorf("%s (%s): %w", n.Name, n.Op, err)
			}
		}
	}
	for _, a := range op.Attr {
		if n.Attr[a.Name] != nil {
			continue
		}
		if a.DefaultValue == nil {
			return fmt.Errorf("%s (%s) has no attribute %s", n.Name, n.Op, a.Name)
		}
		n.Attr[a.Name] = proto.Clone(a.DefaultValue).(*attr_value_go_proto.AttrValue)
	}
	return nil
}

// checkSize returns an error for constants that expand from a few bytes to gigabytes.
func checkSize(t *tensor_go_proto.TensorProto) error {
	size := int64(8)
	for _, d := range t.GetTensorShape().GetDim() {
		if d.Size < 0 {
			return fmt.Errorf("a constant has a side of %d", d.Size)
		}
		if d.Size > 0 && size > maxConst/d.Size {
			return fmt.Errorf("a constant of shape %v is too large", shapeOf(t.TensorShape))
		}
		size *= max(d.Size, 1)
	}
	return nil
}

func typeAttr(t types_go_proto.DataType) *attr_value_go_proto.AttrValue {
	return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_Type{Type: t}}
}

func shapeAttr(dims ...int) *attr_value_go_proto.AttrValue {
	s := &tensor_shape_go_proto.TensorShapeProto{}
	for _, d := range dims {
		s.Dim = append(s.Dim, &tensor_shape_go_proto.TensorShapeProto_Dim{Size: int64(d)})
	}
	return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_Shape{Shape: s}}
}

// gather replaces a ResourceGather by reading the variable and gathering rows.
func (f *flattener) gather(n *node_def_go_proto.NodeDef) {
	axis := &node_def_go_proto.NodeDef{Name: f.free(n.Name + "/axis"), Op: "Const", Attr: attrs{
		"dtype": typeAttr(types_go_proto.DataType_DT_INT32),
		"value": {Value: &attr_value_go_proto.AttrValue_Tensor{Tensor: &tensor_go_proto.TensorProto{
			Dtype: types_go_proto.DataType_DT_INT32, TensorShape: &tensor_shape_go_proto.TensorShapeProto{}, IntVal: []int32{0}}}},
	}}
	f.add(axis)
	n.Op = "GatherV2"
	n.Input = append(n.Input, axis.Name)
	n.Attr = attrs{"Tparams": n.Attr["dtype"], "Tindices": n.Attr["Tindices"], "Taxis": typeAttr(types_go_proto.DataType_DT_INT32), "batch_dims": n.Attr["batch_dims"]}
}
