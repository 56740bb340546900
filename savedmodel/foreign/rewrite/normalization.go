package rewrite

import (
	"github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"
)

// fusedBatchNorm replaces the operation by its third version, the only one with a gradient.
func fusedBatchNorm(_ *editor, n *node) (bool, error) {
	n.Op = "FusedBatchNormV3"
	if n.Attr["U"] == nil {
		n.Attr["U"] = typeOf(types_go_proto.DataType_DT_FLOAT)
	}
	if n.Attr["exponential_avg_factor"] == nil {
		n.Attr["exponential_avg_factor"] = number(1)
	}
	return true, nil
}

// maxBand is the maximum number of channels of a local response normalization.
const maxBand = 1 << 12

// lrn writes local response normalization as elementary operations: x (bias + alpha sum of squares
// over a window of channels)^-beta. The sum is a product with a matrix of ones near the diagonal.
// TensorFlow's gradient ignores the attributes.
func lrn(e *editor, n *node) (bool, error) {
	if err := takes(n, 1); err != nil {
		return false, err
	}
	radius := n.Attr["depth_radius"].GetI()
	bias, alpha, beta := n.Attr["bias"].GetF(), n.Attr["alpha"].GetF(), n.Attr["beta"].GetF()
	s, ok := e.dims(n.Input[0], 4)
	if !ok || s[3] > maxBand || radius < 0 || n.Attr["T"].GetType() != types_go_proto.DataType_DT_FLOAT {
		return false, nil
	}
	c, x := s[3], n.Input[0]
	band := make([]float32, c*c)
	for i := range c {
		for j := max(0, i-radius); j <= min(c-1, i+radius); j++ {
			band[i*c+j] = alpha
		}
	}
	t := attrs{"T": n.Attr["T"]}
	square := e.add(n, "square", "Square", t, x)
	window := e.add(n, "window", "Conv2D", convolution(n, 1, 1, "VALID"), square, e.floats(n, []int64{1, 1, c, c}, band...))
	sum := e.add(n, "sum", "AddV2", t, window, e.floats(n, nil, bias))
	scale := e.add(n, "scale", "Pow", t, sum, e.floats(n, nil, -beta))
	become(n, "Mul", t, x, scale)
	return true, nil
}

// logSoftmax flattens all dimensions except the last, because TensorFlow's gradient sums over the
// second one.
func logSoftmax(e *editor, n *node) (bool, error) {
	if err := takes(n, 1); err != nil {
		return false, err
	}
	s := e.shape(n.Input[0])
	if len(s) == 2 || len(s) == 0 || s[len(s)-1] < 1 {
		return false, nil
	}
	reshape := attrs{"T": n.Attr["T"], "Tshape": int32Type}
	shape := e.add(n, "shape", "Shape", attrs{"T": n.Attr["T"], "out_type": int32Type}, n.Input[0])
	rows := e.add(n, "rows", "Reshape", reshape, n.Input[0], e.ints(n, []int64{2}, -1, int64(s[len(s)-1])))
	flat := e.add(n, "log_softmax", "LogSoftmax", attrs{"T": n.Attr["T"]}, rows)
	become(n, "Reshape", reshape, flat, shape)
	return true, nil
}

// erfc is replaced by 1 - erf, because TensorFlow has no gradient for it.
func erfc(e *editor, n *node) (bool, error) {
	if err := takes(n, 1); err != nil {
		return false, err
	}
	t := attrs{"T": n.Attr["T"]}
	become(n, "Sub", t, e.scalar(n, 1), e.add(n, "erf", "Erf", t, n.Input[0]))
	return true, nil
}

// onesLike is replaced by zeros plus one, because TensorFlow does not know that its gradient is
// zero.
func onesLike(e *editor, n *node) (bool, error) {
	if err := takes(n, 1); err != nil {
		return false, err
	}
	switch n.Attr["T"].GetType() {
	case types_go_proto.DataType_DT_FLOAT, types_go_proto.DataType_DT_HALF, types_go_proto.DataType_DT_BFLOAT16:
	default:
		return false, nil
	}
	t := attrs{"T": n.Attr["T"]}
	become(n, "AddV2", t, e.add(n, "zeros", "ZerosLike", t, n.Input[0]), e.scalar(n, 1))
	return true, nil
}
