package tfmodel

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"oscar/internal/graph"
	"oscar/internal/named"
)

// The types with which a [Layer] and a [Rule] build graphs: types of internal/graph, as aliases for
// other modules.
type (
	// Graph is a graph under construction, seen from one scope. Its methods add
	// operations.
	Graph = graph.Graph
	// Tensor is the output of an operation in a graph. The zero Tensor, which
	// operations return after an error, can be passed on.
	Tensor = graph.Tensor
	// Value is a tensor with contents.
	Value = graph.Value
	// DType is the type of a tensor's elements.
	DType = graph.DType
	// Op is an operation that is run for its effect.
	Op = graph.Op
	// Session runs a graph.
	Session = graph.Session
	// Config configures a session: threads, precision and more.
	Config = graph.Config
	// Threads is the number of threads that TensorFlow may use.
	Threads = graph.Threads
	// Precision is the number type of convolutions and products.
	Precision = graph.Precision
	// GraphOptimizer configures TensorFlow's graph optimizer for a session.
	GraphOptimizer = graph.Optimizer
	// Shape is the size of each dimension. The shape of one example has no batch:
	// [height,width,channels] or [units]. The shape of a tensor has -1 for the batch.
	Shape = graph.Shape
)

// The element types.
const (
	Float = graph.Float
	Int32 = graph.Int32
	Int64 = graph.Int64
	Uint8 = graph.Uint8
	Bool  = graph.Bool
)

// Floats returns a tensor with contents, row-major, for [Graph].Const. It panics unless the
// shape has len(values) elements.
func Floats(shape Shape, values []float32) Value { return graph.FromFloat32s(shape, values) }

// Layer is one step of a network. An implementation is a pointer to a small struct,
// whose fields are the layer's settings and whose JSON is those fields.
type Layer interface {
	// Kind returns the layer's name in JSON and in edits, such as "conv2d".
	Kind() string
	// OutShape returns the output shape for one example. It returns an error for invalid settings or an
	// invalid input.
	OutShape(in Shape) (Shape, error)
	// Params returns the layer's parameters for an input that OutShape accepts.
	Params(in Shape) []Param
	// Apply adds the layer's operations for x of shape [N, in...].
	Apply(b *Builder, x Tensor) Tensor
	// Backward adds the gradient with respect to x in inference; dy is the gradient with respect to y =
	// Apply(x). It uses only forward operations, because converters to other formats do not support
	// gradient operations; see [Network.GradCAM].
	Backward(b *Builder, x, y, dy Tensor) Tensor
	// Traits returns facts about the layer that the rest of the package needs.
	Traits() Traits
}

// Traits are facts about a layer. The zero value is correct for every layer, but gives it no rule
// for layer-wise relevance propagation.
type Traits struct {
	// LRP is the layer's rule in layer-wise relevance propagation, unless a line of the composite has
	// another; see [LayerRule]. If it is nil, LRP of the network is an error.
	LRP Rule
	// Activation: the layer is an elementwise nonlinearity. Explanations of a layer with a kernel, or
	// of a block, use the output of the activation that follows it.
	Activation bool
	// Focus: explanations use the last layer with this trait by default.
	Focus bool
	// NoGradient is the reason why there is no gradient of the logits at the layer; empty: there is one.
	NoGradient string
	// Rearranges: in inference each output is zero or one of the inputs, and which one does not depend
	// on the values.
	Rearranges bool
	// NonNegative: no output is negative.
	NonNegative bool
	// KeepsSign: no output is negative if no input is.
	KeepsSign bool
	// InPlace: TensorFlow writes the output over the input. Used by the memory forecast.
	InPlace bool
	// ReadsOutput: in training the gradient needs the output. Used by the memory forecast.
	ReadsOutput bool
}

// Weighted is a layer that multiplies its input by the parameter "kernel" and may add the parameter
// "bias". The last two dimensions of the kernel are input and output channels. If each channel has
// its own kernel, the last dimension is 1. Rules that use single weights, such as [AlphaBeta], need
// a Weighted layer.
type Weighted interface {
	Layer
	// Product returns x times the kernel.
	Product(b *Builder, x, kernel Tensor) Tensor
	// Transposed returns dy times the transposed kernel: the gradient of Product with respect to x.
	Transposed(b *Builder, x, kernel, dy Tensor) Tensor
}

// Affine is a layer that in inference multiplies each channel by a number and adds another. [Fold]
// can merge it with a [Weighted] layer.
type Affine interface {
	Layer
	// Affine returns both numbers of each channel, as [channels].
	Affine(b *Builder, channels int) (scale, shift Tensor)
}

// kinds is the table of layers. JSON, edits, help and the contract test use it. Each entry returns a
// pointer to a new layer with default settings.
var kinds = []func() Layer{
	func() Layer { return &Conv2D{Stride: 1, Padding: Same} },
	func() Layer { return &DepthwiseConv2D{Stride: 1, Padding: Same} },
	func() Layer { return &Dense{} },
	func() Layer { return &ReLU{} },
	func() Layer { return &Swish{} },
	func() Layer { return &HardSwish{} },
	func() Layer { return &MaxPool2D{} },
	func() Layer { return &AveragePool2D{} },
	func() Layer { return &GlobalAveragePool2D{} },
	func() Layer { return &BatchNormalization{} },
	func() Layer { return &LayerNormalization{} },
	func() Layer { return &SqueezeExcitation{} },
	func() Layer { return &Dropout{} },
	func() Layer { return &Flatten{} },
	func() Layer { return &Rescaling{} },
	func() Layer { return &Normalization{} },
	func() Layer { return &ZeroPadding2D{Size: 1} },
	func() Layer { return &Residual{} },
}

// Kinds returns the names of all kinds of layer.
func Kinds() []string {
	return named.Names(kinds, func(newLayer func() Layer) string { return newLayer().Kind() })
}

// newLayer returns a layer of that kind with its default settings.
func newLayer(kind string) (Layer, error) {
	if kind == imported {
		return &Imported{}, nil
	}
	found, err := named.Find("layer kind", kind, kinds, func(newLayer func() Layer) string { return newLayer().Kind() })
	if err != nil {
		return nil, err
	}
	return found(), nil
}

// RegisterLayer adds a caller's layer to the kinds that JSON can name. Then experiments and [Attach]
// support it. newLayer returns a pointer to a new layer with default settings. Call RegisterLayer at
// the start of main, before other functions of this package. An existing kind is an error.
func RegisterLayer(newLayer func() Layer) error {
	l := newLayer()
	if l == nil || l.Kind() == "" {
		return errors.New("register a layer: it has no kind")
	}
	if slices.Contains(Kinds(), l.Kind()) {
		return fmt.Errorf("register a layer: kind %q exists", l.Kind())
	}
	kinds = append(kinds, newLayer)
	return nil
}

// Param is one parameter tensor of a layer.
type Param struct {
	Role      string // Keras's word: "kernel", "bias", "gamma", "moving_mean"
	Shape     Shape
	Init      Initializer
	Trainable bool
	L2        float64 // adds L2 * sum(w^2) to the loss (Keras's regularizers.L2)
	Rate      float64 // factor of the learning rate; 0: 1
	Name      string  // of the variable; "": the layer's name, a slash and the role
}

// variable returns the name of the variable in a layer of that name.
func (p Param) variable(layer string) string { return cmp.Or(p.Name, layer+"/"+p.Role) }

// Initializer is the name of a distribution of initial values.
type Initializer string

// The initializers, by Keras's names. GlorotUniform draws from +-sqrt(6 / (fan_in + fan_out))
// (Glorot and Bengio 2010). HeNormal draws from a normal distribution that is truncated at two
// standard deviations, and has variance 2 / fan_in after truncation (He et al. 2015). It suits
// layers before a ReLU.
const (
	GlorotUniform Initializer = "glorot_uniform"
	HeNormal      Initializer = "he_normal"
	Zeros         Initializer = "zeros"
	Ones          Initializer = "ones"
)

// kernel returns the kernel parameter. An empty initializer is [GlorotUniform].
func kernel(i Initializer, l2 float64, shape ...int) Param {
	return Param{Role: "kernel", Shape: shape, Init: cmp.Or(i, GlorotUniform), Trainable: true, L2: l2}
}

func checkKernel(i Initializer, l2 float64) error {
	switch {
	case i != "" && i != GlorotUniform && i != HeNormal:
		return named.Unknown("initializer", i, []Initializer{GlorotUniform, HeNormal})
	case !(l2 >= 0): // also refuses NaN
		return fmt.Errorf("l2 is %g, want at least 0", l2)
	}
	return nil
}

// Padding selects the windows at the border.
type Padding string

// The paddings, in TensorFlow's words.
const (
	Same  Padding = "SAME"
	Valid Padding = "VALID"
)

// windowed returns the output size of a window that moves over [H,W]. setting is the name of the
// window's size in the layer's settings.
func windowed(in Shape, setting string, size, stride int, p Padding) (height, width int, err error) {
	switch {
	case len(in) != 3:
		return 0, 0, fmt.Errorf("input is %v, want [height,width,channels]", in)
	case size < 1:
		return 0, 0, fmt.Errorf("%s is %d, want at least 1", setting, size)
	case stride < 1:
		return 0, 0, fmt.Errorf("stride is %d, want at least 1", stride)
	case p != Same && p != Valid:
		return 0, 0, named.Unknown("padding", p, []Padding{Same, Valid})
	}
	out := func(n int) int {
		if p == Valid {
			return (n - size + stride) / stride
		}
		return (n + stride - 1) / stride
	}
	height, width = out(in[0]), out(in[1])
	if height < 1 || width < 1 {
		return 0, 0, fmt.Errorf("a %s of %d does not fit into %v; take padding %s or a smaller one", setting, size, in, Same)
	}
	return height, width, nil
}
