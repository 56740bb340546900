package tfmodel

import (
	"fmt"
	"math"

	"oscar/internal/graph"
)

// Rescaling is scale x + offset, as Keras's Rescaling: 1/127.5 and -1 bring
// raw pixels, 0..255, to -1..1.
type Rescaling struct {
	Scale  float64 `json:"scale"`
	Offset float64 `json:"offset,omitempty"`
}

func (*Rescaling) Kind() string { return "rescaling" }

func (l *Rescaling) OutShape(in Shape) (Shape, error) {
	finite := func(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
	switch {
	case l.Scale == 0 || !finite(l.Scale):
		return nil, fmt.Errorf("scale is %g, want a number other than 0", l.Scale)
	case !finite(l.Offset):
		return nil, fmt.Errorf("offset is %g, want a number", l.Offset)
	}
	return in, nil
}

func (*Rescaling) Params(Shape) []Param { return nil }

func (l *Rescaling) Apply(b *Builder, x graph.Tensor) graph.Tensor {
	y := b.Mul(x, b.Scalar(float32(l.Scale)))
	if l.Offset != 0 {
		y = b.Add(y, b.Scalar(float32(l.Offset)))
	}
	return y
}

func (l *Rescaling) Backward(b *Builder, _, _, dy graph.Tensor) graph.Tensor {
	return b.Mul(dy, b.Scalar(float32(l.Scale)))
}

func (l *Rescaling) affine(b *Builder, channels int) (scale, shift graph.Tensor) {
	return b.Fill(graph.Shape{channels}, float32(l.Scale)), b.Fill(graph.Shape{channels}, float32(l.Offset))
}
