package rewrite

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/wamuir/graft/tensorflow/core/framework/attr_value_go_proto"

	"oscar/internal/graph"
)

// explicitPadding pads the image with a separate operation, because TensorFlow's gradients of
// convolutions and pools do not support explicit padding.
func explicitPadding(e *editor, n *node) (bool, error) {
	if textOf(n, "padding") != "EXPLICIT" {
		return false, nil
	}
	pads := listOf(n, "explicit_paddings")
	if len(pads) != 8 || slices.Min(pads) < 0 {
		return false, fmt.Errorf("explicit_paddings are %v, want 8 that are not negative", pads)
	}
	if len(n.Input) == 0 {
		return false, takes(n, 1)
	}
	a := attrs{"T": n.Attr["T"], "Tpaddings": int32Type}
	shape := e.shape(n.Input[0])
	around := e.ints(n, []int64{4, 2}, pads...)
	if n.Op == "MaxPool" {
		n.Input[0] = e.add(n, "pad", "PadV2", a, n.Input[0], around, e.scalar(n, -math.MaxFloat32))
	} else {
		n.Input[0] = e.add(n, "pad", "Pad", a, n.Input[0], around)
	}
	if len(shape) == 4 {
		e.added[n.Input[0]] = graph.Shape{-1, -1, -1, shape[3]}
	}
	n.Attr["padding"], n.Attr["explicit_paddings"] = text("VALID"), list()
	return true, nil
}

// maxKernel is the maximum side of a kernel with filled gaps.
const maxKernel = 1 << 12

// dilation fills the gaps of a dilated kernel with zeros, because TensorFlow's gradient of a dilated
// convolution is wrong, or crashes the process.
func dilation(e *editor, n *node) (bool, error) {
	d := listOf(n, "dilations")
	if !slices.ContainsFunc(d, func(by int64) bool { return by != 1 }) {
		return false, nil
	}
	if err := takes(n, 2); err != nil {
		return false, err
	}
	if len(d) != 4 || slices.Min(d) < 1 || d[0] != 1 || d[3] != 1 {
		return false, fmt.Errorf("dilations are %v", d)
	}
	k, ok := e.dims(n.Input[1], 4)
	if !ok || k[0] < 1 || d[1] > maxKernel || d[2] > maxKernel || k[0]*d[1] > maxKernel || k[1]*d[2] > maxKernel {
		return false, fmt.Errorf("a dilated convolution by %v of a kernel %v cannot be used", d, e.shape(n.Input[1]))
	}
	reshape := attrs{"T": n.Attr["T"], "Tshape": int32Type}
	apart := e.add(n, "apart", "Reshape", reshape, n.Input[1], e.ints(n, []int64{6}, k[0], 1, k[1], 1, k[2], k[3]))
	holes := e.add(n, "holes", "Pad", attrs{"T": n.Attr["T"], "Tpaddings": int32Type}, apart,
		e.ints(n, []int64{6, 2}, 0, 0, 0, d[1]-1, 0, 0, 0, d[2]-1, 0, 0, 0, 0))
	joined := e.add(n, "joined", "Reshape", reshape, holes, e.ints(n, []int64{4}, k[0]*d[1], k[1]*d[2], k[2], k[3]))
	n.Input[1] = e.add(n, "kernel", "Slice", attrs{"T": n.Attr["T"], "Index": int32Type}, joined,
		e.ints(n, []int64{4}, 0, 0, 0, 0), e.ints(n, []int64{4}, (k[0]-1)*d[1]+1, (k[1]-1)*d[2]+1, k[2], k[3]))
	n.Attr["dilations"] = list(1, 1, 1, 1)
	return true, nil
}

// channelsLast computes an operation in [N,H,W,C] between two transpositions, because on a CPU
// TensorFlow has few kernels for [N,C,H,W].
func channelsLast(e *editor, n *node) (bool, error) {
	if textOf(n, "data_format") != "NCHW" {
		return false, nil
	}
	if len(n.Input) == 0 || len(e.shape(n.Input[0])) != 4 || e.inner[n.Name+":1"] || e.inner[n.Name+":2"] {
		return false, nil
	}
	if err := listsChannelsLast(n); err != nil {
		return false, err
	}
	transpose := attrs{"T": n.Attr["T"], "Tperm": int32Type}
	s := e.shape(n.Input[0])
	n.Input[0] = e.add(n, "channels_last", "Transpose", transpose, n.Input[0], e.ints(n, []int64{4}, 0, 2, 3, 1))
	e.added[n.Input[0]] = graph.Shape{s[0], s[2], s[3], s[1]}
	inner := &node{Name: e.free(n, "inner"), Op: n.Op, Input: n.Input, Attr: n.Attr}
	if err := e.emit(inner); err != nil {
		return false, err
	}
	become(n, "Transpose", transpose, inner.Name, e.ints(n, []int64{4}, 0, 3, 1, 2))
	return true, nil
}

// listsChannelsLast converts an operation's list attributes from NCHW to NHWC.
func listsChannelsLast(n *node) error {
	for name, width := range map[string]int{"strides": 1, "ksize": 1, "dilations": 1, "explicit_paddings": 2} {
		v := listOf(n, name)
		if len(v) == 0 {
			continue
		}
		if len(v) != 4*width {
			return fmt.Errorf("%s are %v", name, v)
		}
		n.Attr[name] = list(slices.Concat(v[:width], v[2*width:], v[width:2*width])...)
	}
	n.Attr["data_format"] = text("NHWC")
	return nil
}

// transposedChannelsLast is [channelsLast] for a transposed convolution, whose first input is its
// output shape.
func transposedChannelsLast(e *editor, n *node) (bool, error) {
	if textOf(n, "data_format") != "NCHW" {
		return false, nil
	}
	if err := takes(n, 3); err != nil {
		return false, err
	}
	if err := listsChannelsLast(n); err != nil {
		return false, err
	}
	transpose := attrs{"T": n.Attr["T"], "Tperm": int32Type}
	last := e.ints(n, []int64{4}, 0, 2, 3, 1)
	slice := attrs{"T": int32Type, "Index": int32Type}
	part := func(from, to int64) string { // TensorFlow infers shapes through this operation, but not through GatherV2
		return e.add(n, "part", "StridedSlice", slice, n.Input[0], e.ints(n, []int64{1}, from), e.ints(n, []int64{1}, to), e.ints(n, []int64{1}, 1))
	}
	join := attrs{"T": int32Type, "Tidx": int32Type, "N": {Value: &attr_value_go_proto.AttrValue_I{I: 3}}}
	n.Input[0] = e.add(n, "shape", "ConcatV2", join, part(0, 1), part(2, 4), part(1, 2), e.ints(n, nil, 0))
	n.Input[2] = e.add(n, "channels_last", "Transpose", transpose, n.Input[2], last)
	inner := &node{Name: e.free(n, "inner"), Op: n.Op, Input: n.Input, Attr: n.Attr}
	if err := e.emit(inner); err != nil {
		return false, err
	}
	become(n, "Transpose", transpose, inner.Name, e.ints(n, []int64{4}, 0, 3, 1, 2))
	return true, nil
}

// maxGroups is the maximum number of groups of a grouped convolution.
const maxGroups = 256

// grouped splits a grouped convolution into one convolution per group, because on a CPU TensorFlow
// has no gradient of grouped convolutions. If each channel is a group, it becomes a depthwise
// convolution.
func grouped(e *editor, n *node) (bool, error) {
	if err := takes(n, 2); err != nil {
		return false, err
	}
	x, k := e.shape(n.Input[0]), e.shape(n.Input[1])
	if len(x) != 4 || len(k) != 4 || x[3] < 1 || k[2] < 1 || k[3] < 1 || x[3] == k[2] || x[3]%k[2] != 0 || textOf(n, "data_format") == "NCHW" {
		return false, nil
	}
	groups := int64(x[3] / k[2])
	if int64(k[3])%groups != 0 {
		return false, fmt.Errorf("a kernel %v does not fit %d groups", k, groups)
	}
	if k[2] == 1 { // a depthwise kernel has the channels in its third dimension
		kernel := e.add(n, "kernel", "Reshape", attrs{"T": n.Attr["T"], "Tshape": int32Type}, n.Input[1],
			e.ints(n, []int64{4}, int64(k[0]), int64(k[1]), groups, int64(k[3])/groups))
		delete(n.Attr, "use_cudnn_on_gpu")
		e.added[kernel] = graph.Shape{k[0], k[1], int(groups), k[3] / int(groups)}
		n.Op, n.Input[1] = "DepthwiseConv2dNative", kernel
		return true, nil
	}
	if groups > maxGroups {
		return false, nil
	}
	split := attrs{"T": n.Attr["T"], "num_split": {Value: &attr_value_go_proto.AttrValue_I{I: groups}}}
	images := e.add(n, "images", "Split", split, e.ints(n, nil, 3), n.Input[0])
	kernels := e.add(n, "kernels", "Split", split, e.ints(n, nil, 3), n.Input[1])
	var parts []string
	for i := range groups {
		part := &node{Name: e.free(n, "group"), Op: "Conv2D", Attr: maps.Clone(n.Attr), Input: []string{fmt.Sprintf("%s:%d", images, i), fmt.Sprintf("%s:%d", kernels, i)}}
		e.added[part.Input[0]] = graph.Shape{x[0], x[1], x[2], k[2]}
		e.added[part.Input[1]] = graph.Shape{k[0], k[1], k[2], k[3] / int(groups)}
		if err := e.emit(part); err != nil {
			return false, err
		}
		parts = append(parts, part.Name)
	}
	axis := e.ints(n, nil, 3)
	become(n, "ConcatV2", attrs{"T": n.Attr["T"], "Tidx": int32Type, "N": split["num_split"]}, append(parts, axis)...)
	return true, nil
}
