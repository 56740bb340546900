package graph

import (
	tf "github.com/wamuir/graft/tensorflow"
)

// The operations, one line each. TensorFlow checks attributes and shapes when an operation
// is added. [Graph.Err] returns the first error.

func tfShape(s Shape) tf.Shape { return tf.MakeShape(s.int64s()...) }

func ints(v ...int) []int64 { return Shape(v).int64s() }

// Placeholder adds a tensor whose value is fed in each run.
func (g *Graph) Placeholder(name string, dtype DType, shape Shape) Tensor {
	return g.add("Placeholder", name, attributes{"dtype": dtype, "shape": tfShape(shape)}).Output(0)
}

// Const adds a constant.
func (g *Graph) Const(v Value) Tensor {
	return g.one("Const", attributes{"dtype": v.t.DataType(), "value": v.t})
}

// Scalar adds a float constant.
func (g *Graph) Scalar(v float32) Tensor { return g.Const(FromFloat32s(Shape{}, []float32{v})) }

// Ints adds an int32 vector.
func (g *Graph) Ints(v ...int) Tensor {
	out := make([]int32, len(v))
	for i, x := range v {
		out[i] = int32(x)
	}
	return g.Const(FromInt32s(Shape{len(v)}, out))
}

// Int adds an int32 scalar.
func (g *Graph) Int(v int) Tensor { return g.Const(FromInt32s(Shape{}, []int32{int32(v)})) }

// Int64 adds an int64 scalar.
func (g *Graph) Int64(v int64) Tensor { return g.Const(FromInt64s(Shape{}, []int64{v})) }

// Elementwise operations, with broadcasting.

func (g *Graph) Identity(name string, x Tensor) Tensor {
	return g.add("Identity", name, nil, x).Output(0)
}
func (g *Graph) Bitcast(x Tensor, to DType) Tensor {
	return g.one("Bitcast", attributes{"type": to}, x)
}
func (g *Graph) Cast(x Tensor, to DType) Tensor { return g.one("Cast", attributes{"DstT": to}, x) }
func (g *Graph) Add(x, y Tensor) Tensor         { return g.one("AddV2", nil, x, y) }
func (g *Graph) Sub(x, y Tensor) Tensor         { return g.one("Sub", nil, x, y) }
func (g *Graph) Mul(x, y Tensor) Tensor         { return g.one("Mul", nil, x, y) }
func (g *Graph) Square(x Tensor) Tensor         { return g.one("Square", nil, x) }
func (g *Graph) DivNoNan(x, y Tensor) Tensor    { return g.one("DivNoNan", nil, x, y) }
func (g *Graph) Minimum(x, y Tensor) Tensor     { return g.one("Minimum", nil, x, y) }
func (g *Graph) Abs(x Tensor) Tensor            { return g.one("Abs", nil, x) }
func (g *Graph) Relu(x Tensor) Tensor           { return g.one("Relu", nil, x) }
func (g *Graph) Relu6(x Tensor) Tensor          { return g.one("Relu6", nil, x) }
func (g *Graph) ZerosLike(x Tensor) Tensor      { return g.one("ZerosLike", nil, x) }
func (g *Graph) Equal(x, y Tensor) Tensor       { return g.one("Equal", nil, x, y) }
func (g *Graph) Less(x, y Tensor) Tensor        { return g.one("Less", nil, x, y) }
func (g *Graph) Greater(x, y Tensor) Tensor     { return g.one("Greater", nil, x, y) }
func (g *Graph) Rsqrt(x Tensor) Tensor          { return g.one("Rsqrt", nil, x) }
func (g *Graph) GreaterEqual(x, y Tensor) Tensor {
	return g.one("GreaterEqual", nil, x, y)
}

// Select returns cond ? x : y, elementwise.
func (g *Graph) Select(cond, x, y Tensor) Tensor { return g.one("SelectV2", nil, cond, x, y) }

// Reductions.

func (g *Graph) Sum(x Tensor, keep bool, axes ...int) Tensor {
	return g.one("Sum", attributes{"keep_dims": keep}, x, g.Ints(axes...))
}
func (g *Graph) Mean(x Tensor, keep bool, axes ...int) Tensor {
	return g.one("Mean", attributes{"keep_dims": keep}, x, g.Ints(axes...))
}
func (g *Graph) Max(x Tensor, keep bool, axes ...int) Tensor {
	return g.one("Max", attributes{"keep_dims": keep}, x, g.Ints(axes...))
}

// ArgMax returns the int64 index of the largest entry along an axis.
func (g *Graph) ArgMax(x Tensor, axis int) Tensor {
	return g.one("ArgMax", attributes{"output_type": Int64}, x, g.Int(axis))
}

// OneHot returns a row of zeros with a single one for each class index.
func (g *Graph) OneHot(indices Tensor, depth int) Tensor {
	return g.one("OneHot", nil, indices, g.Int(depth), g.Scalar(1), g.Scalar(0))
}

// Shapes.

func (g *Graph) Reshape(x Tensor, shape Shape) Tensor {
	return g.one("Reshape", nil, x, g.Ints(shape...))
}
func (g *Graph) ShapeOf(x Tensor) Tensor { return g.one("Shape", nil, x) }

// Transpose swaps the axes of a matrix.
func (g *Graph) Transpose(x Tensor) Tensor { return g.one("Transpose", nil, x, g.Ints(1, 0)) }

// Concat joins tensors along an axis.
func (g *Graph) Concat(axis int, xs ...Tensor) Tensor {
	return g.one("ConcatV2", nil, xs, g.Int(axis))
}

// Slice returns the part of x that starts at begin and has the given sizes; a size of -1 means the
// rest. Both are int32 vectors with one value per axis.
func (g *Graph) Slice(x, begin, sizes Tensor) Tensor { return g.one("Slice", nil, x, begin, sizes) }

// Pad surrounds x with a value. around has the numbers before and after x on each axis.
func (g *Graph) Pad(x Tensor, value float32, around ...[2]int) Tensor {
	flat := make([]int32, 0, 2*len(around))
	for _, a := range around {
		flat = append(flat, int32(a[0]), int32(a[1]))
	}
	fill := g.Scalar(value)
	if x.valid && x.DType() != Float {
		fill = g.Cast(fill, x.DType())
	}
	return g.one("PadV2", nil, x, g.Const(FromInt32s(Shape{len(around), 2}, flat)), fill)
}

// Window returns height x width pixels of images. The first one is at row top and column left, and
// they are step pixels apart.
func (g *Graph) Window(x Tensor, top, left, height, width, step int) Tensor {
	const batchAndChannels = 1<<0 | 1<<3 // these axes are taken whole
	return g.one("StridedSlice", attributes{"begin_mask": int64(batchAndChannels), "end_mask": int64(batchAndChannels)}, x,
		g.Ints(0, top, left, 0),
		g.Ints(0, top+(height-1)*step+1, left+(width-1)*step+1, 0),
		g.Ints(1, step, step, 1))
}

// DepthToSpace converts the block*block*C channels of each pixel to block x block pixels of C
// channels.
func (g *Graph) DepthToSpace(x Tensor, block int) Tensor {
	return g.one("DepthToSpace", attributes{"block_size": int64(block)}, x)
}

// Linear algebra and convolution; images are NHWC.

func (g *Graph) MatMul(x, y Tensor) Tensor  { return g.one("MatMul", nil, x, y) }
func (g *Graph) BiasAdd(x, b Tensor) Tensor { return g.one("BiasAdd", nil, x, b) }

// MatMulTransposed returns x times the transpose of y.
func (g *Graph) MatMulTransposed(x, y Tensor) Tensor {
	return g.one("MatMul", attributes{"transpose_b": true}, x, y)
}

// Conv2D convolves x [N,H,W,C] with kernel [KH,KW,C,F]; padding is SAME or VALID. It has no dilation
// and no explicit padding, because the C library's gradients of these are wrong.
func (g *Graph) Conv2D(x, kernel Tensor, stride int, padding string) Tensor {
	x, stride = g.subsample(x, kernel, stride)
	return g.one("Conv2D", attributes{"strides": ints(1, stride, stride, 1), "padding": padding}, x, kernel)
}

// subsample takes the pixels of x that a kernel of one pixel and the given stride reads, and returns
// them with the stride that is left, 1. oneDNN's gradient of such a strided convolution with
// respect to its kernel is wrong on processors without AVX-512. Other kernels leave x as it is.
func (g *Graph) subsample(x, kernel Tensor, stride int) (Tensor, int) {
	k := kernel.Shape()
	if stride == 1 || len(k) != 4 || k[0] != 1 || k[1] != 1 {
		return x, stride
	}
	const all = 1<<0 | 1<<1 | 1<<2 | 1<<3 // axes that are taken from begin to end
	return g.one("StridedSlice", attributes{"begin_mask": int64(all), "end_mask": int64(all)}, x,
		g.Ints(0, 0, 0, 0), g.Ints(0, 0, 0, 0), g.Ints(1, stride, stride, 1)), 1
}

// Conv2DGradient returns the gradient of Conv2D with respect to its input. shape is the
// input's, an int32 vector.
func (g *Graph) Conv2DGradient(shape, kernel, dy Tensor, stride int, padding string) Tensor {
	return g.one("Conv2DBackpropInput", attributes{"strides": ints(1, stride, stride, 1), "padding": padding}, shape, kernel, dy)
}

// DepthwiseConv2D convolves each channel of x [N,H,W,C] with its own kernel, [KH,KW,C,1]. padding is
// as in Conv2D.
func (g *Graph) DepthwiseConv2D(x, kernel Tensor, stride int, padding string) Tensor {
	x, stride = g.subsample(x, kernel, stride)
	return g.one("DepthwiseConv2dNative", attributes{"strides": ints(1, stride, stride, 1), "padding": padding}, x, kernel)
}
func (g *Graph) MaxPool(x Tensor, size, stride int, padding string) Tensor {
	return g.one("MaxPool", attributes{"ksize": ints(1, size, size, 1), "strides": ints(1, stride, stride, 1), "padding": padding}, x)
}
func (g *Graph) AvgPool(x Tensor, size, stride int, padding string) Tensor {
	return g.one("AvgPool", attributes{"ksize": ints(1, size, size, 1), "strides": ints(1, stride, stride, 1), "padding": padding}, x)
}

// BatchNorm normalizes x over N, H and W. In training it uses the batch's mean and variance and
// returns them (the variance with Bessel's correction). Otherwise it uses the given ones.
func (g *Graph) BatchNorm(x, gamma, beta, mean, variance Tensor, epsilon float32, training bool) (y, batchMean, batchVariance Tensor) {
	if training {
		mean, variance = g.Const(FromFloat32s(Shape{0}, nil)), g.Const(FromFloat32s(Shape{0}, nil))
	}
	op := g.add("FusedBatchNormV3", "", attributes{"epsilon": epsilon, "is_training": training}, x, gamma, beta, mean, variance)
	return op.Output(0), op.Output(1), op.Output(2)
}

// ResizeBilinear resizes [N,h,w,C] with half-pixel centers.
func (g *Graph) ResizeBilinear(x Tensor, height, width int) Tensor {
	return g.one("ResizeBilinear", attributes{"half_pixel_centers": true}, x, g.Ints(height, width))
}

// Softmax returns the softmax over the last dimension of [N,C].
func (g *Graph) Softmax(x Tensor) Tensor { return g.one("Softmax", nil, x) }

// LogSoftmax returns the logarithm of Softmax, also where Softmax rounds to 0.
func (g *Graph) LogSoftmax(x Tensor) Tensor { return g.one("LogSoftmax", nil, x) }

// Pow returns x^y.
func (g *Graph) Pow(x, y Tensor) Tensor { return g.one("Pow", nil, x, y) }

// CrossEntropy returns -sum(labels * log softmax(logits)) for each row.
func (g *Graph) CrossEntropy(logits, labels Tensor) Tensor {
	return g.one("SoftmaxCrossEntropyWithLogits", nil, logits, labels)
}

// Random operations are stateless: they depend only on a seed, int64 or int32 [2].

// Uniform returns values in [0,1). shape is an int32 vector.
func (g *Graph) Uniform(shape, seed Tensor) Tensor {
	return g.one("StatelessRandomUniform", attributes{"dtype": Float}, shape, seed)
}

// TruncatedNormal returns values of the standard normal distribution. Values beyond two standard
// deviations are drawn again.
func (g *Graph) TruncatedNormal(shape, seed Tensor) Tensor {
	return g.one("StatelessTruncatedNormal", attributes{"dtype": Float}, shape, seed)
}

// Fill returns a tensor filled with a value.
func (g *Graph) Fill(shape Shape, value float32) Tensor { return g.FillWith(shape, g.Scalar(value)) }

// FillWith returns a tensor filled with a scalar.
func (g *Graph) FillWith(shape Shape, value Tensor) Tensor {
	return g.one("Fill", nil, g.Ints(shape...), value)
}

// HideFromConstantFolding returns x in a form that TensorFlow's optimizer does not treat as a
// constant. Values computed from it are computed in each run, and their memory is freed afterwards.
func (g *Graph) HideFromConstantFolding(x Tensor) Tensor {
	return g.one("PlaceholderWithDefault", attributes{"shape": tfShape(x.Shape())}, x)
}

// Group returns an operation that runs after all of ops.
func (g *Graph) Group(name string, ops ...Op) Op {
	return g.addAfter("NoOp", name, nil, ops)
}

// After returns x after all of ops have run.
func (g *Graph) After(name string, x Tensor, ops ...Op) Tensor {
	return g.addAfter("Identity", name, nil, ops, x).Output(0)
}

// Tensor bundles (checkpoints).

// SaveV2 writes tensors under their names to the bundle at prefix.
func (g *Graph) SaveV2(prefix Tensor, names []string, tensors []Tensor) Op {
	return g.add("SaveV2", "", attributes{}, prefix, g.Const(FromStrings(names)),
		g.Const(FromStrings(make([]string, len(names)))), tensors)
}

// RestoreV2 reads tensors by name from the bundle at prefix. A tensor with another shape in the
// bundle is an error.
func (g *Graph) RestoreV2(prefix Tensor, names []string, shapes []Shape) []Tensor {
	types, slices := make([]tf.DataType, len(names)), make([]string, len(names))
	for i := range types {
		types[i], slices[i] = Float, wholeSlice(shapes[i])
	}
	op := g.add("RestoreV2", "", attributes{"dtypes": types}, prefix, g.Const(FromStrings(names)), g.Const(FromStrings(slices)))
	out := make([]Tensor, len(names))
	for i := range out {
		out[i] = op.Output(i)
	}
	return out
}
