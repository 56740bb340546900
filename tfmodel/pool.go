package tfmodel

import (
	"fmt"

	"oscar/internal/graph"
)

// MaxPool2D takes the largest value of each window and channel.
type MaxPool2D struct {
	Size    int     `json:"size"`
	Stride  int     `json:"stride"`
	Padding Padding `json:"padding"`
}

func (*MaxPool2D) Kind() string                       { return "max_pool2d" }
func (l *MaxPool2D) OutShape(in Shape) (Shape, error) { return pooled(in, l.Size, l.Stride, l.Padding) }
func (*MaxPool2D) Params(Shape) []Param               { return nil }
func (l *MaxPool2D) Apply(b *Builder, x graph.Tensor) graph.Tensor {
	return b.MaxPool(x, l.Size, l.Stride, string(l.Padding))
}

// AveragePool2D takes the mean of each window and channel; what lies outside
// the image is not counted.
type AveragePool2D struct {
	Size    int     `json:"size"`
	Stride  int     `json:"stride"`
	Padding Padding `json:"padding"`
}

func (*AveragePool2D) Kind() string { return "average_pool2d" }
func (l *AveragePool2D) OutShape(in Shape) (Shape, error) {
	return pooled(in, l.Size, l.Stride, l.Padding)
}
func (*AveragePool2D) Params(Shape) []Param { return nil }
func (l *AveragePool2D) Apply(b *Builder, x graph.Tensor) graph.Tensor {
	return b.AvgPool(x, l.Size, l.Stride, string(l.Padding))
}

func pooled(in Shape, size, stride int, p Padding) (Shape, error) {
	h, w, err := window(in, "size", size, stride, p)
	if err != nil {
		return nil, err
	}
	return Shape{h, w, in[2]}, nil
}

// GlobalAveragePool2D takes the mean of each channel: [H,W,C] -> [C].
type GlobalAveragePool2D struct{}

func (*GlobalAveragePool2D) Kind() string { return "global_average_pool2d" }
func (*GlobalAveragePool2D) OutShape(in Shape) (Shape, error) {
	if len(in) != 3 {
		return nil, fmt.Errorf("input is %v, want [height,width,channels]", in)
	}
	return Shape{in[2]}, nil
}
func (*GlobalAveragePool2D) Params(Shape) []Param { return nil }
func (*GlobalAveragePool2D) Apply(b *Builder, x graph.Tensor) graph.Tensor {
	return b.Mean(x, false, 1, 2)
}
