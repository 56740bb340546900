package tfmodel

import (
	"fmt"
	"math"

	"oscar/internal/graph"
)

// Adam has the settings of the optimizer (Kingma and Ba 2015): theta -= rate *
// sqrt(1-beta2^t)/(1-beta1^t) * m / (sqrt(v) + epsilon).
type Adam struct {
	Beta1   float64 `json:"beta1"`
	Beta2   float64 `json:"beta2"`
	Epsilon float64 `json:"epsilon"`
	// WeightDecay above 0 makes it AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101): theta -= theta
	// * WeightDecay * rate before the step, as in Keras. Only kernels decay, not biases, gamma and
	// beta.
	WeightDecay float64 `json:"weight_decay,omitempty"`
}

// DefaultAdam returns Keras's defaults: 0.9, 0.999, 1e-7.
func DefaultAdam() Adam { return Adam{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-7} }

func (Adam) Kind() string { return "adam" }

func (a Adam) Check() error {
	switch {
	case !(a.Beta1 >= 0 && a.Beta1 < 1) || !(a.Beta2 >= 0 && a.Beta2 < 1):
		return fmt.Errorf("adam betas are %g and %g, want 0 to below 1", a.Beta1, a.Beta2)
	case !(a.Epsilon > 0):
		return fmt.Errorf("adam epsilon is %g, want above 0", a.Epsilon)
	}
	return checkDecay(a.WeightDecay)
}

func (a Adam) weightDecay() float64 { return a.WeightDecay }

func (Adam) slots() []string { return []string{"m", "v"} }

func (a Adam) scalars(number int) []scalar {
	at := float64(number + 1)
	return []scalar{{"beta1_power", math.Pow(a.Beta1, at)}, {"beta2_power", math.Pow(a.Beta2, at)}}
}

func (a Adam) update(g *Graph, u update) Op {
	constant := func(x float64) Tensor { return g.Scalar(float32(x)) }
	return g.ApplyAdam(u.weight, u.slots[0], u.slots[1], graph.Adam{
		Rate: u.rate, Power1: u.scalars[0], Power2: u.scalars[1],
		Beta1: constant(a.Beta1), Beta2: constant(a.Beta2), Epsilon: constant(a.Epsilon),
	}, u.gradient, u.after...)
}
