package tfmodel

import (
	"fmt"
	"math"
)

// ReLU is max(0, x), or with MaxValue min(max(0, x), MaxValue): 6 is ReLU6 (Krizhevsky 2010).
type ReLU struct {
	MaxValue float64 `json:"max_value,omitempty"` // 0: none
}

func (*ReLU) Kind() string { return "relu" }
func (l *ReLU) OutShape(in Shape) (Shape, error) {
	if !(l.MaxValue >= 0) || math.IsInf(l.MaxValue, 0) {
		return nil, fmt.Errorf("max_value is %g, want above 0, or 0 for none", l.MaxValue)
	}
	return in, nil
}
func (*ReLU) Params(Shape) []Param { return nil }

func (l *ReLU) Apply(b *Builder, x Tensor) Tensor {
	switch l.MaxValue {
	case 0:
		return b.Relu(x)
	case 6:
		return b.Relu6(x)
	}
	return b.Minimum(b.Relu(x), b.Scalar(float32(l.MaxValue)))
}

func (l *ReLU) Backward(b *Builder, _, y, dy Tensor) Tensor {
	zero := b.Scalar(0)
	dx := b.Select(b.Greater(y, zero), dy, zero)
	if l.MaxValue != 0 {
		dx = b.Select(b.Less(y, b.Scalar(float32(l.MaxValue))), dx, zero)
	}
	return dx
}

func (l *ReLU) Traits() Traits {
	return Traits{LRP: Pass{}, Activation: true, NonNegative: true, InPlace: true}
}
