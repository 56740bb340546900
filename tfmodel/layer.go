package tfmodel

import (
	"fmt"
	"strings"

	"oscar/internal/graph"
)

// Shape is the shape of one example, without the batch: [H,W,C] or [units].
type Shape []int

// String returns the shape as [13,13,256].
func (s Shape) String() string {
	return strings.ReplaceAll(fmt.Sprint([]int(s)), " ", ",")
}

// Elements returns the number of values of one example.
func (s Shape) Elements() int {
	n := 1
	for _, d := range s {
		n *= d
	}
	return n
}

// Initializer says how a parameter starts.
type Initializer string

// The initialisers, by Keras's names. Glorot uniform draws from +-sqrt(6 /
// (fan_in + fan_out)) (Glorot and Bengio 2010). He normal draws from a normal
// distribution that is cut off at two deviations and has, after that, a variance
// of 2 / fan_in (He et al. 2015): for layers that a ReLU follows.
const (
	GlorotUniform Initializer = "glorot_uniform"
	HeNormal      Initializer = "he_normal"
	Zeros         Initializer = "zeros"
	Ones          Initializer = "ones"
)

// Param is one parameter tensor of a layer.
type Param struct {
	Role      string // "kernel", "bias", "gamma", "moving_mean": Keras's words
	Shape     []int
	Init      Initializer
	Trainable bool
	L2        float64 // L2 * sum(w^2) is added to the loss (Keras's regularizers.L2)
}

// Layer is one step of a network. Implementations are small structs whose
// fields are the layer's settings and whose JSON is those fields.
type Layer interface {
	// Kind is the layer's name in JSON and in edits, as "conv2d".
	Kind() string
	// OutShape returns the output shape for one example, or what is wrong with
	// the layer's settings or with its input.
	OutShape(in Shape) (Shape, error)
	// Params returns the layer's parameters for an input that OutShape accepts.
	Params(in Shape) []Param
	// Apply adds the layer's operations for x of shape [N, in...].
	Apply(b *Builder, x graph.Tensor) graph.Tensor
	// Backward adds, for inference, the gradient with respect to x where dy is
	// the one with respect to y = Apply(x), in terms of forward operations,
	// which other tools can convert (backward.go).
	Backward(b *Builder, x, y, dy graph.Tensor) graph.Tensor
}

// kinds is the one table of layers: JSON, edits, help and the contract test
// range over it. new returns a pointer to a layer with its defaults.
var kinds = []struct {
	name string
	new  func() Layer
}{
	{"conv2d", func() Layer { return &Conv2D{Stride: 1, Padding: Same} }},
	{"dense", func() Layer { return &Dense{} }},
	{"relu", func() Layer { return &ReLU{} }},
	{"max_pool2d", func() Layer { return &MaxPool2D{} }},
	{"average_pool2d", func() Layer { return &AveragePool2D{} }},
	{"global_average_pool2d", func() Layer { return &GlobalAveragePool2D{} }},
	{"batch_normalization", func() Layer { return &BatchNormalization{} }},
	{"dropout", func() Layer { return &Dropout{} }},
	{"flatten", func() Layer { return &Flatten{} }},
	{"rescaling", func() Layer { return &Rescaling{} }},
	{"zero_padding2d", func() Layer { return &ZeroPadding2D{Size: 1} }},
	{"residual", func() Layer { return &Residual{} }},
}

// Kinds returns the names of all kinds of layer.
func Kinds() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	return names
}

// newLayer returns a layer of that kind with its default settings.
func newLayer(kind string) (Layer, error) {
	for _, k := range kinds {
		if k.name == kind {
			return k.new(), nil
		}
	}
	return nil, fmt.Errorf("no layer kind %q; have %s", kind, strings.Join(Kinds(), ", "))
}

// Padding is what a window does at the border.
type Padding string

// The paddings, in TensorFlow's words.
const (
	Same  Padding = "SAME"
	Valid Padding = "VALID"
)

// window returns the output size of a window moved over [H,W]; setting is what
// the layer calls its size.
func window(in Shape, setting string, size, stride int, p Padding) (height, width int, err error) {
	switch {
	case len(in) != 3:
		return 0, 0, fmt.Errorf("input is %v, want [height,width,channels]", in)
	case size < 1:
		return 0, 0, fmt.Errorf("%s is %d, want at least 1", setting, size)
	case stride < 1:
		return 0, 0, fmt.Errorf("stride is %d, want at least 1", stride)
	case p != Same && p != Valid:
		return 0, 0, fmt.Errorf("no padding %q; have %s, %s", p, Same, Valid)
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
