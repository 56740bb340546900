package tfmodel

import (
	"cmp"
	"fmt"

	"oscar/internal/graph"
)

// BatchNormalization normalizes each channel over batch and space (Ioffe and Szegedy 2015). Zero
// fields mean Keras's defaults: momentum 0.99, epsilon 0.001. The moving variance uses the batch
// variance with Bessel's correction, as TensorFlow's fused kernel does.
type BatchNormalization struct {
	Momentum float64 `json:"momentum,omitempty"`
	Epsilon  float64 `json:"epsilon,omitempty"`
}

func (*BatchNormalization) Kind() string { return "batch_normalization" }

func (l *BatchNormalization) settings() (momentum, epsilon float64) {
	return cmp.Or(l.Momentum, 0.99), cmp.Or(l.Epsilon, 1e-3)
}

func (l *BatchNormalization) OutShape(in Shape) (Shape, error) {
	momentum, epsilon := l.settings()
	switch {
	case len(in) != 3:
		return nil, fmt.Errorf("input is %v, want [height,width,channels]", in)
	case !(momentum >= 0 && momentum < 1): // also refuses NaN
		return nil, fmt.Errorf("momentum is %g, want 0 to below 1", momentum)
	case !(epsilon >= 1e-5):
		return nil, fmt.Errorf("epsilon is %g, want at least 1e-5", epsilon)
	}
	return in, nil
}

func (l *BatchNormalization) Params(in Shape) []Param {
	c := Shape{in[2]}
	return []Param{
		{Role: "gamma", Shape: c, Init: Ones, Trainable: true},
		{Role: "beta", Shape: c, Init: Zeros, Trainable: true},
		{Role: "moving_mean", Shape: c, Init: Zeros},
		{Role: "moving_variance", Shape: c, Init: Ones},
	}
}

func (l *BatchNormalization) Apply(b *Builder, x Tensor) Tensor {
	momentum, epsilon := l.settings()
	if b.Training && b.exchange != nil {
		return l.synchronized(b, x)
	}
	y, mean, variance := b.BatchNorm(x, b.Param("gamma"), b.Param("beta"),
		b.Param("moving_mean"), b.Param("moving_variance"), float32(epsilon), b.Training)
	if b.Training {
		b.move("moving_mean", mean, momentum)
		b.move("moving_variance", variance, momentum)
	}
	return y
}

// synchronized is Apply with the mean and variance of the images of all towers.
func (l *BatchNormalization) synchronized(b *Builder, x Tensor) Tensor {
	momentum, epsilon := l.settings()
	mean, variance := b.exchange.moments(b, x)
	b.move("moving_mean", mean, momentum)
	size := x.Shape()
	images := b.Cast(b.Slice(b.rows, b.Ints(1), b.Ints(1)), graph.Float)
	n := b.Mul(images, b.Scalar(float32(size[1]*size[2]))) // number of values per channel
	bessel := b.Div(n, b.Maximum(b.Sub(n, b.Scalar(1)), b.Scalar(1)))
	b.move("moving_variance", b.Mul(variance, bessel), momentum)
	inverse := b.Rsqrt(b.Add(variance, b.Scalar(float32(epsilon))))
	return b.Add(b.Mul(b.Sub(x, mean), b.Mul(inverse, b.Param("gamma"))), b.Param("beta"))
}

func (l *BatchNormalization) Backward(b *Builder, _, _, dy Tensor) Tensor {
	return b.Mul(dy, l.scale(b))
}

// scale returns the factor of each channel in inference.
func (l *BatchNormalization) scale(b *Builder) Tensor {
	_, epsilon := l.settings()
	deviation := b.Rsqrt(b.Add(b.Param("moving_variance"), b.Scalar(float32(epsilon))))
	return b.Mul(b.Param("gamma"), deviation)
}

func (l *BatchNormalization) Affine(b *Builder, _ int) (scale, shift Tensor) {
	scale = l.scale(b)
	return scale, b.Sub(b.Param("beta"), b.Mul(b.Param("moving_mean"), scale))
}

func (*BatchNormalization) Traits() Traits { return Traits{LRP: Fold{}} }
