package main

import (
	"fmt"

	"oscar/tfmodel"
)

// LeakyReLU is x where x is positive and Slope x elsewhere (Maas et al. 2013).
type LeakyReLU struct {
	Slope float64 `json:"slope"`
}

func (*LeakyReLU) Kind() string { return "leaky_relu" }

func (l *LeakyReLU) OutShape(in tfmodel.Shape) (tfmodel.Shape, error) {
	if !(l.Slope > 0 && l.Slope < 1) {
		return nil, fmt.Errorf("slope is %g, want above 0 and below 1", l.Slope)
	}
	return in, nil
}

func (*LeakyReLU) Params(tfmodel.Shape) []tfmodel.Param { return nil }

func (l *LeakyReLU) Apply(b *tfmodel.Builder, x tfmodel.Tensor) tfmodel.Tensor {
	return b.Select(b.Greater(x, b.Scalar(0)), x, b.Mul(x, b.Scalar(float32(l.Slope))))
}

func (l *LeakyReLU) Backward(b *tfmodel.Builder, x, _, dy tfmodel.Tensor) tfmodel.Tensor {
	return b.Select(b.Greater(x, b.Scalar(0)), dy, b.Mul(dy, b.Scalar(float32(l.Slope))))
}

func (*LeakyReLU) Traits() tfmodel.Traits {
	return tfmodel.Traits{LRP: Taylor{}, Activation: true}
}

// Taylor is a rule for a function f of single values: R_in = x f'(x) / f(x) R. The factor is
// 1 where f is linear through zero.
type Taylor struct{}

func (Taylor) Propagate(l tfmodel.FoldedLayer, r tfmodel.Tensor) tfmodel.Tensor {
	return l.Mul(l.X, l.Layer.Backward(l.Builder, l.X, l.Y, l.DivNoNan(r, l.Y)))
}
