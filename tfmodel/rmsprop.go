package tfmodel

import "fmt"

// RMSprop has the settings of the optimizer (Tieleman and Hinton 2012), as in Keras:
// v = Rho * v + (1-Rho) * gradient^2, m = Momentum * m + rate * gradient / sqrt(v + Epsilon),
// theta -= m.
type RMSprop struct {
	Rho      float64 `json:"rho"`
	Momentum float64 `json:"momentum"`
	Epsilon  float64 `json:"epsilon"`
	// WeightDecay is as in [Adam].
	WeightDecay float64 `json:"weight_decay,omitempty"`
}

func (RMSprop) Kind() string { return "rmsprop" }

func (r RMSprop) Check() error {
	switch {
	case !(r.Rho >= 0 && r.Rho < 1):
		return fmt.Errorf("rho is %g, want 0 to below 1", r.Rho)
	case !(r.Epsilon > 0):
		return fmt.Errorf("rmsprop epsilon is %g, want above 0", r.Epsilon)
	}
	if err := checkMomentum(r.Momentum); err != nil {
		return err
	}
	return checkDecay(r.WeightDecay)
}

func (r RMSprop) weightDecay() float64 { return r.WeightDecay }

func (RMSprop) slots() []string { return []string{"velocity", "momentum"} }

func (RMSprop) scalars(int) []scalar { return nil }

func (r RMSprop) update(g *Graph, u update) Op {
	constant := func(x float64) Tensor { return g.Scalar(float32(x)) }
	return g.ApplyRMSProp(u.weight, u.slots[0], u.slots[1], u.rate, constant(r.Rho), constant(r.Momentum), constant(r.Epsilon), u.gradient, u.after...)
}
