package tfmodel

import (
	"fmt"

	"oscar/internal/graph"
)

// Conv2D is a two-dimensional convolution with bias: [H,W,C] -> [H',W',Filters].
// Its activation is a layer of its own.
type Conv2D struct {
	Filters int     `json:"filters"`
	Kernel  int     `json:"kernel"` // side of the square window
	Stride  int     `json:"stride"`
	Padding Padding `json:"padding"`
}

func (*Conv2D) Kind() string { return "conv2d" }

func (l *Conv2D) OutShape(in Shape) (Shape, error) {
	if l.Filters < 1 {
		return nil, fmt.Errorf("filters is %d, want at least 1", l.Filters)
	}
	h, w, err := window(in, "kernel", l.Kernel, l.Stride, l.Padding)
	if err != nil {
		return nil, err
	}
	return Shape{h, w, l.Filters}, nil
}

func (l *Conv2D) Params(in Shape) []Param {
	return []Param{
		{Role: "kernel", Shape: []int{l.Kernel, l.Kernel, in[2], l.Filters}, Init: GlorotUniform, Trainable: true},
		{Role: "bias", Shape: []int{l.Filters}, Init: Zeros, Trainable: true},
	}
}

func (l *Conv2D) Apply(b *Builder, x graph.Tensor) graph.Tensor {
	return b.BiasAdd(b.Conv2D(x, b.Param("kernel"), l.Stride, string(l.Padding)), b.Param("bias"))
}
