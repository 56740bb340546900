package tfmodel

import (
	"cmp"
	"fmt"
)

// LayerNormalization normalizes the channels of each position (Ba et al. 2016, arXiv:1607.06450):
// gamma (x - mean) / sqrt(variance + epsilon) + beta. Mean and variance are over the position's
// channels. Epsilon 0 means Keras's 0.001.
type LayerNormalization struct {
	Epsilon float64 `json:"epsilon,omitempty"`
}

func (*LayerNormalization) Kind() string { return "layer_normalization" }

func (l *LayerNormalization) epsilon() float64 { return cmp.Or(l.Epsilon, 1e-3) }

func (l *LayerNormalization) OutShape(in Shape) (Shape, error) {
	switch {
	case len(in) != 1 && len(in) != 3:
		return nil, fmt.Errorf("input is %v, want [n] or [height,width,channels]", in)
	case !(l.epsilon() > 0 && l.epsilon() <= 1): // also refuses NaN
		return nil, fmt.Errorf("epsilon is %g, want above 0 to 1", l.Epsilon)
	}
	return in, nil
}

func (l *LayerNormalization) Params(in Shape) []Param {
	c := Shape{in[len(in)-1]}
	return []Param{
		{Role: "gamma", Shape: c, Init: Ones, Trainable: true},
		{Role: "beta", Shape: c, Init: Zeros, Trainable: true},
	}
}

// normalized returns x - mean and 1 / sqrt(variance + epsilon).
func (l *LayerNormalization) normalized(b *Builder, x Tensor) (centered, inverse Tensor) {
	axis := len(x.Shape()) - 1
	centered = b.Sub(x, b.Mean(x, true, axis))
	variance := b.Mean(b.Square(centered), true, axis)
	return centered, b.Rsqrt(b.Add(variance, b.Scalar(float32(l.epsilon()))))
}

func (l *LayerNormalization) Apply(b *Builder, x Tensor) Tensor {
	centered, inverse := l.normalized(b, x)
	return b.Add(b.Mul(b.Mul(centered, inverse), b.Param("gamma")), b.Param("beta"))
}

// Backward returns inverse (g - mean(g) - u mean(g u)) with g = gamma dy and u the normalized x.
func (l *LayerNormalization) Backward(b *Builder, x, _, dy Tensor) Tensor {
	axis := len(x.Shape()) - 1
	centered, inverse := l.normalized(b, x)
	u, g := b.Mul(centered, inverse), b.Mul(dy, b.Param("gamma"))
	alongU := b.Mul(u, b.Mean(b.Mul(g, u), true, axis))
	return b.Mul(inverse, b.Sub(b.Sub(g, b.Mean(g, true, axis)), alongU))
}

func (*LayerNormalization) Traits() Traits { return Traits{LRP: constantVariance{}} }

// constantVariance treats the variance of a [LayerNormalization] as a constant. Then the layer is
// linear, and relevance is shared by contribution, as in [Epsilon] (Ali et al. 2022,
// arXiv:2202.07304, eq. 8).
type constantVariance struct{}

func (constantVariance) Propagate(l FoldedLayer, r Tensor) Tensor {
	norm := l.Layer.(*LayerNormalization)
	_, inverse := norm.normalized(l.Builder, l.X)
	g := l.Mul(l.Mul(l.ratio(r, l.Y, stabilizer), l.Param("gamma")), inverse)
	return l.Mul(l.X, l.Sub(g, l.Mean(g, true, len(l.X.Shape())-1)))
}
