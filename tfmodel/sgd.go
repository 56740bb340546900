package tfmodel

import "errors"

// SGD is stochastic gradient descent: theta -= rate * gradient. With a momentum it is
// Keras's: m = Momentum * m - rate * gradient, theta += m, and with Nesterov (Sutskever et
// al. 2013) theta += Momentum * m - rate * gradient.
type SGD struct {
	Momentum float64 `json:"momentum"`
	Nesterov bool    `json:"nesterov,omitempty"`
	// WeightDecay is as in [Adam].
	WeightDecay float64 `json:"weight_decay,omitempty"`
}

func (SGD) Kind() string { return "sgd" }

func (s SGD) Check() error {
	if err := checkMomentum(s.Momentum); err != nil {
		return err
	}
	if s.Nesterov && s.Momentum == 0 {
		return errors.New("nesterov needs a momentum above 0, such as 0.9")
	}
	return checkDecay(s.WeightDecay)
}

func (s SGD) weightDecay() float64 { return s.WeightDecay }

func (s SGD) slots() []string {
	if s.Momentum == 0 {
		return nil
	}
	return []string{"momentum"}
}

func (SGD) scalars(int) []scalar { return nil }

func (s SGD) update(g *Graph, u update) Op {
	if s.Momentum == 0 {
		return g.ApplyGradientDescent(u.weight, u.rate, u.gradient, u.after...)
	}
	return g.ApplyMomentum(u.weight, u.slots[0], u.rate, g.Scalar(float32(s.Momentum)), u.gradient, s.Nesterov, u.after...)
}
