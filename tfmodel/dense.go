package tfmodel

import (
	"fmt"

	"oscar/internal/graph"
)

// Dense is a fully connected layer with bias: [n] -> [Units].
type Dense struct {
	Units int     `json:"units"`
	L2    float64 `json:"l2,omitempty"` // on the kernel: L2 * sum(w^2) is added to the loss
}

func (*Dense) Kind() string { return "dense" }

func (l *Dense) OutShape(in Shape) (Shape, error) {
	switch {
	case l.Units < 1:
		return nil, fmt.Errorf("units is %d, want at least 1", l.Units)
	case !(l.L2 >= 0): // nor NaN
		return nil, fmt.Errorf("l2 is %g, want at least 0", l.L2)
	case len(in) != 1:
		return nil, fmt.Errorf("input is %v, want [n]: put a flatten or global_average_pool2d before it", in)
	}
	return Shape{l.Units}, nil
}

func (l *Dense) Params(in Shape) []Param {
	return []Param{
		{Role: "kernel", Shape: []int{in[0], l.Units}, Init: GlorotUniform, Trainable: true, L2: l.L2},
		{Role: "bias", Shape: []int{l.Units}, Init: Zeros, Trainable: true},
	}
}

func (l *Dense) Apply(b *Builder, x graph.Tensor) graph.Tensor {
	return b.BiasAdd(b.MatMul(x, b.Param("kernel")), b.Param("bias"))
}

// Flatten makes one row of each example: [H,W,C] -> [H*W*C].
type Flatten struct{}

func (*Flatten) Kind() string                     { return "flatten" }
func (*Flatten) OutShape(in Shape) (Shape, error) { return Shape{in.Elements()}, nil }
func (*Flatten) Params(Shape) []Param             { return nil }
func (*Flatten) Apply(b *Builder, x graph.Tensor) graph.Tensor {
	return b.Reshape(x, graph.Shape{-1, graph.Shape(x.Shape()[1:]).Elements()})
}
