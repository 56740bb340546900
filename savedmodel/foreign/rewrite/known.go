package rewrite

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"
)

// known is the table of operations whose gradient the tests have compared with tf.GradientTape's. A
// function reports whether the attributes were compared; nil: all were. A line needs a case in
// testdata/hardops.py.
var known = map[string]func(n *node) bool{
	"Abs": nil, "Add": nil, "AddN": nil, "AddV2": nil, "AvgPool": spatial, "BatchMatMulV2": nil, "BatchToSpaceND": nil, "BiasAdd": channels,
	"BroadcastTo": nil, "Cast": nil, "ConcatV2": nil, "Conv2D": convolves, "Conv2DBackpropInput": convolves, "Cumsum": nil,
	"DepthToSpace": channels, "DepthwiseConv2dNative": convolves, "Div": nil, "DivNoNan": nil, "Einsum": nil, "Elu": nil, "Erf": nil, "Exp": nil,
	"ExpandDims": nil, "FusedBatchNormV3": channels, "GatherNd": nil, "GatherV2": unbatched, "Identity": nil, "L2Loss": nil, "LeakyRelu": nil, "Log": nil,
	"Log1p": nil, "LogSoftmax": nil, "MatMul": nil, "Max": nil, "MaxPool": spatial, "Maximum": nil, "Mean": nil, "Min": nil, "Minimum": nil,
	"MirrorPad": nil, "Mul": nil, "Neg": nil, "Pack": nil, "Pad": nil, "PadV2": nil, "Pow": nil, "Prod": nil, "RealDiv": nil,
	"Reciprocal": nil, "Relu": nil, "Relu6": nil, "Reshape": nil, "ResizeBicubic": nil, "ResizeBilinear": nil, "ResizeNearestNeighbor": nil,
	"ReverseV2": nil, "Roll": nil, "Rsqrt": nil, "ScaleAndTranslate": nil, "Select": nil, "SelectV2": nil, "Selu": nil, "Sigmoid": nil, "Slice": nil, "Softmax": nil,
	"Softplus": nil, "Softsign": nil, "SpaceToBatchND": nil, "SpaceToDepth": channels, "Split": nil, "SplitV": nil, "Sqrt": nil, "Square": nil,
	"SquaredDifference": nil, "Squeeze": nil, "StridedSlice": nil, "Sub": nil, "Sum": nil, "Tanh": nil, "Tile": nil, "Transpose": nil, "Unpack": nil,
}

// half are the operations whose gradient was also compared in both 16 bit types.
var half = strings.Fields(`Abs Add AddN AddV2 AvgPool BiasAdd BroadcastTo ConcatV2 Conv2D Conv2DBackpropInput DepthToSpace DepthwiseConv2dNative
	Div DivNoNan Einsum Elu Erf Exp ExpandDims GatherV2 LeakyRelu Log Log1p MatMul Max Maximum MaxPool Mean Min Minimum MirrorPad Mul Neg Pack Pad PadV2 Pow
	RealDiv Relu Relu6 Reshape ReverseV2 Rsqrt Select SelectV2 Selu Sigmoid Slice Softmax Softplus Softsign SpaceToDepth Split SplitV Sqrt Square
	SquaredDifference Squeeze StridedSlice Sub Sum Tanh Tile Transpose Unpack`)

// constant operations have a zero gradient: small changes of their inputs do not change their
// output.
var constant = func() map[string]bool {
	set := map[string]bool{}
	for _, op := range strings.Fields(`ArgMax ArgMin Bucketize Equal Floor Greater GreaterEqual Less LessEqual LogicalAnd LogicalNot
		LogicalOr NotEqual Rank Shape ShapeN Sign Size StopGradient ZerosLike`) {
		set[op] = true
	}
	return set
}()

// Known reports whether TensorFlow's gradient of an operation with its attributes is known to be
// correct.
func Known(n *node) bool {
	compared, ok := known[n.Op]
	if !ok || compared != nil && !compared(n) {
		return false
	}
	switch cmp.Or(n.Attr["T"].GetType(), n.Attr["Tparams"].GetType()) {
	case types_go_proto.DataType_DT_HALF, types_go_proto.DataType_DT_BFLOAT16:
		return slices.Contains(half, n.Op)
	}
	return true
}

// Constant reports whether an operation's gradient is zero.
func Constant(n *node) bool {
	if n.Op == "Cast" {
		switch n.Attr["DstT"].GetType() {
		case types_go_proto.DataType_DT_FLOAT, types_go_proto.DataType_DT_HALF, types_go_proto.DataType_DT_BFLOAT16, types_go_proto.DataType_DT_DOUBLE:
			return false
		}
		return true
	}
	return constant[n.Op]
}

func channels(n *node) bool {
	format := textOf(n, "data_format")
	return format == "" || format == "NHWC"
}

func spatial(n *node) bool {
	padding := textOf(n, "padding")
	return channels(n) && (padding == "SAME" || padding == "VALID")
}

func convolves(n *node) bool {
	return spatial(n) && !slices.ContainsFunc(listOf(n, "dilations"), func(d int64) bool { return d != 1 })
}

func unbatched(n *node) bool { return n.Attr["batch_dims"].GetI() == 0 }

// KnownOps returns the operation types in the table of [Known].
func KnownOps() []string { return slices.Sorted(maps.Keys(known)) }

// ConstantFloats returns the constant operations whose output is a float.
func ConstantFloats() []string {
	return []string{"Floor", "Sign", "StopGradient", "ZerosLike"}
}

// KnownHalf returns the operation types that are also known in 16 bits.
func KnownHalf() []string { return half }
