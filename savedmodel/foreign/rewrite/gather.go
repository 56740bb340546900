package rewrite

import (
	"encoding/binary"

	"github.com/wamuir/graft/tensorflow/core/framework/tensor_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"
)

// gatherAxis makes a gather's axis non-negative, because TensorFlow's gradient fails for negative
// ones.
func gatherAxis(e *editor, n *node) (bool, error) {
	if err := takes(n, 3); err != nil {
		return false, err
	}
	axis, ok := e.integer(n.Input[2])
	rank := int64(len(e.shape(n.Input[0])))
	if !ok || axis >= 0 || axis+rank < 0 {
		return false, nil
	}
	n.Input[2] = e.ints(n, nil, axis+rank)
	n.Attr["Taxis"] = int32Type
	return true, nil
}

// integer returns the value of a constant with one element.
func (e *editor) integer(tensor string) (int64, bool) {
	c := e.byName[tensor]
	if c.GetOp() != "Const" {
		return 0, false
	}
	return integer(c.Attr["value"].GetTensor())
}

// integer returns the only element of an integer tensor.
func integer(t *tensor_go_proto.TensorProto) (int64, bool) {
	switch {
	case t.GetDtype() == types_go_proto.DataType_DT_INT32 && len(t.IntVal) == 1:
		return int64(t.IntVal[0]), true
	case t.GetDtype() == types_go_proto.DataType_DT_INT32 && len(t.TensorContent) == 4:
		return int64(int32(binary.LittleEndian.Uint32(t.TensorContent))), true
	case t.GetDtype() == types_go_proto.DataType_DT_INT64 && len(t.Int64Val) == 1:
		return t.Int64Val[0], true
	case t.GetDtype() == types_go_proto.DataType_DT_INT64 && len(t.TensorContent) == 8:
		return int64(binary.LittleEndian.Uint64(t.TensorContent)), true
	}
	return 0, false
}

// maxPoolWithArgmax replaces the operation by MaxPool if its argmax is not used.
func maxPoolWithArgmax(e *editor, n *node) (bool, error) {
	if e.inner[n.Name+":1"] {
		return false, nil
	}
	become(n, "MaxPool", attrs{
		"T": n.Attr["T"], "ksize": n.Attr["ksize"], "strides": n.Attr["strides"], "padding": n.Attr["padding"],
		"data_format": text("NHWC"), "explicit_paddings": list(),
	}, n.Input...)
	return true, nil
}

// maxPatch is the maximum number of values in an image patch.
const maxPatch = 1 << 11

// patches extracts image patches with a convolution whose weights are ones.
func patches(e *editor, n *node) (bool, error) {
	if err := takes(n, 1); err != nil {
		return false, err
	}
	size, stride, rate := listOf(n, "ksizes"), listOf(n, "strides"), listOf(n, "rates")
	s, ok := e.dims(n.Input[0], 4)
	if !ok || len(size) != 4 || len(stride) != 4 || len(rate) != 4 || rate[1] != 1 || rate[2] != 1 ||
		size[1] < 1 || size[2] < 1 || size[1] > maxPatch || size[2] > maxPatch || s[3] > maxPatch || size[1]*size[2]*s[3] > maxPatch ||
		n.Attr["T"].GetType() != types_go_proto.DataType_DT_FLOAT {
		return false, nil
	}
	c := s[3]
	out := size[1] * size[2] * c
	eye := make([]float32, out*out)
	for i := range out {
		eye[i*out+i] = 1
	}
	kernel := e.floats(n, []int64{size[1], size[2], c, out}, eye...)
	become(n, "Conv2D", convolution(n, stride[1], stride[2], textOf(n, "padding")), n.Input[0], kernel)
	return true, nil
}
