package tfmodel

import (
	"fmt"

	"oscar/internal/graph"
)

// Dropout sets a share Rate of its inputs to zero in training and divides the rest by 1-Rate
// (Srivastava et al. 2014). In inference it does nothing. The mask depends only on the step's seed
// and the layer's name, so that a step can be repeated.
type Dropout struct {
	Rate float64 `json:"rate"`
}

func (*Dropout) Kind() string { return "dropout" }

func (l *Dropout) OutShape(in Shape) (Shape, error) {
	if !(l.Rate >= 0 && l.Rate < 1) { // also refuses NaN
		return nil, fmt.Errorf("rate is %g, want 0 to below 1", l.Rate)
	}
	return in, nil
}

func (*Dropout) Params(Shape) []Param { return nil }

func (l *Dropout) Apply(b *Builder, x Tensor) Tensor {
	if !b.Training || l.Rate == 0 {
		return b.Identity("", x)
	}
	kept := b.GreaterEqual(b.random(b.ShapeOf(x)), b.Scalar(float32(l.Rate)))
	return b.Mul(x, b.Mul(b.Cast(kept, graph.Float), b.Scalar(float32(1/(1-l.Rate)))))
}

func (*Dropout) Backward(_ *Builder, _, _, dy Tensor) Tensor { return dy }

func (*Dropout) Traits() Traits { return Traits{LRP: Gradient{}, Rearranges: true, InPlace: true} }
