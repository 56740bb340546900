package tfmodel

import (
	"fmt"

	"oscar/internal/graph"
)

// Dense is a fully connected layer with bias: [n] -> [Units].
type Dense struct {
	Units       int         `json:"units"`
	Initializer Initializer `json:"initializer,omitempty"`
	L2          float64     `json:"l2,omitempty"` // on the kernel: L2 * sum(w^2) is added to the loss
}

func (*Dense) Kind() string { return "dense" }

func (l *Dense) OutShape(in Shape) (Shape, error) {
	if err := checkKernel(l.Initializer, l.L2); err != nil {
		return nil, err
	}
	switch {
	case l.Units < 1:
		return nil, fmt.Errorf("units is %d, want at least 1", l.Units)
	case len(in) != 1:
		return nil, fmt.Errorf("input is %v, want [n]: put a flatten or global_average_pool2d before it", in)
	}
	return Shape{l.Units}, nil
}

func (l *Dense) Params(in Shape) []Param {
	return []Param{
		kernel(l.Initializer, l.L2, in[0], l.Units),
		{Role: "bias", Shape: []int{l.Units}, Init: Zeros, Trainable: true},
	}
}

func (l *Dense) Apply(b *Builder, x graph.Tensor) graph.Tensor {
	return b.BiasAdd(l.product(b, x, b.Param("kernel")), b.Param("bias"))
}

func (*Dense) product(b *Builder, x, kernel graph.Tensor) graph.Tensor { return b.MatMul(x, kernel) }

// transposed transposes dy and the product instead of the kernel, lest a
// converter store it twice.
func (*Dense) transposed(b *Builder, _, kernel, dy graph.Tensor) graph.Tensor {
	return b.Transpose(b.MatMulTransposed(kernel, dy))
}

// Flatten makes one row of each example: [H,W,C] -> [H*W*C].
type Flatten struct{}

func (*Flatten) Kind() string                     { return "flatten" }
func (*Flatten) OutShape(in Shape) (Shape, error) { return Shape{in.Elements()}, nil }
func (*Flatten) Params(Shape) []Param             { return nil }
func (*Flatten) Apply(b *Builder, x graph.Tensor) graph.Tensor {
	return b.Reshape(x, graph.Shape{-1, graph.Shape(x.Shape()[1:]).Elements()})
}
