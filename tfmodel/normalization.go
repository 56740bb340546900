package tfmodel

import (
	"errors"
	"fmt"
	"math"
)

// Normalization is (x - Mean) / Std for each channel, as often applied to images. The numbers are
// settings and are not trained.
type Normalization struct {
	Mean []float64 `json:"mean"`
	Std  []float64 `json:"std"`
}

func (*Normalization) Kind() string { return "normalization" }

func (l *Normalization) OutShape(in Shape) (Shape, error) {
	if len(in) == 0 || len(l.Mean) != in[len(in)-1] || len(l.Std) != len(l.Mean) {
		return nil, fmt.Errorf("%d means and %d deviations for an input of %v, want one of each for every channel", len(l.Mean), len(l.Std), in)
	}
	for i, std := range l.Std {
		if !(std > 0) || math.IsInf(std, 0) {
			return nil, fmt.Errorf("std has %g, want above 0", std)
		}
		if math.IsNaN(l.Mean[i]) || math.IsInf(l.Mean[i], 0) {
			return nil, errors.New("mean has a value that is no number")
		}
	}
	return in, nil
}

func (*Normalization) Params(Shape) []Param { return nil }

func (l *Normalization) Apply(b *Builder, x Tensor) Tensor {
	scale, shift := l.Affine(b, len(l.Mean))
	return b.Add(b.Mul(x, scale), shift)
}

func (l *Normalization) Backward(b *Builder, _, _, dy Tensor) Tensor {
	scale, _ := l.Affine(b, len(l.Mean))
	return b.Mul(dy, scale)
}

func (l *Normalization) Affine(b *Builder, channels int) (scale, shift Tensor) {
	scales, shifts := make([]float32, channels), make([]float32, channels)
	for i, std := range l.Std {
		scales[i], shifts[i] = float32(1/std), float32(-l.Mean[i]/std)
	}
	return b.Const(Floats(Shape{channels}, scales)), b.Const(Floats(Shape{channels}, shifts))
}

func (*Normalization) Traits() Traits { return Traits{LRP: Fold{}} }
