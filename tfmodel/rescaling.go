package tfmodel

import (
	"fmt"
	"math"
)

// Rescaling is Scale x + Offset, as in Keras: 1/127.5 and -1 map pixels from 0..255
// to -1..1.
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

func (l *Rescaling) Apply(b *Builder, x Tensor) Tensor {
	y := b.Mul(x, b.Scalar(float32(l.Scale)))
	if l.Offset != 0 {
		y = b.Add(y, b.Scalar(float32(l.Offset)))
	}
	return y
}

func (l *Rescaling) Backward(b *Builder, _, _, dy Tensor) Tensor {
	return b.Mul(dy, b.Scalar(float32(l.Scale)))
}

func (l *Rescaling) Affine(b *Builder, channels int) (scale, shift Tensor) {
	return b.Fill(Shape{channels}, float32(l.Scale)), b.Fill(Shape{channels}, float32(l.Offset))
}

func (*Rescaling) Traits() Traits { return Traits{LRP: Fold{}} }
