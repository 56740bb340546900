package tfmodel

import (
	"fmt"
	"math"

	"oscar/internal/graph"
)

// Adam has the settings of the optimiser (Kingma and Ba 2015): theta -= rate *
// sqrt(1-beta2^t)/(1-beta1^t) * m / (sqrt(v) + epsilon).
type Adam struct {
	Beta1   float64 `json:"beta1"`
	Beta2   float64 `json:"beta2"`
	Epsilon float64 `json:"epsilon"`
	// WeightDecay above 0 makes it AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101):
	// theta -= theta * WeightDecay * rate comes before the step, as in Keras. Only kernels
	// decay, not biases, gamma and beta.
	WeightDecay float64 `json:"weight_decay,omitempty"`
}

// DefaultAdam returns Keras's defaults: 0.9, 0.999, 1e-7.
func DefaultAdam() Adam { return Adam{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-7} }

// Check reports settings out of range.
func (a Adam) Check() error {
	switch {
	case !(a.Beta1 >= 0 && a.Beta1 < 1) || !(a.Beta2 >= 0 && a.Beta2 < 1):
		return fmt.Errorf("adam betas are %g and %g, want 0 to below 1", a.Beta1, a.Beta2)
	case !(a.Epsilon > 0):
		return fmt.Errorf("adam epsilon is %g, want above 0", a.Epsilon)
	case !(a.WeightDecay >= 0) || math.IsInf(a.WeightDecay, 0):
		return fmt.Errorf("weight decay is %g, want at least 0", a.WeightDecay)
	}
	return nil
}

// adam is the optimiser in a graph. The values that change from step to step are fed.
type adam struct {
	settings             Adam
	rate, power1, power2 Tensor // scalars; the powers are beta1^t and beta2^t
}

func newAdam(g *Graph, settings Adam) adam {
	scalar := func(name string) Tensor { return g.Placeholder(name, graph.Float, Shape{}) }
	return adam{settings, scalar("learning_rate"), scalar("beta1_power"), scalar("beta2_power")}
}

// feeds returns the values for a step. Steps count from 0.
func (a adam) feeds(number int, rate float64) []graph.Feed {
	at := float64(number + 1)
	scalar := func(x float64) graph.Value { return graph.FromFloat32s(Shape{}, []float32{float32(x)}) }
	return []graph.Feed{
		{To: a.rate, Value: scalar(rate)},
		{To: a.power1, Value: scalar(math.Pow(a.settings.Beta1, at))},
		{To: a.power2, Value: scalar(math.Pow(a.settings.Beta2, at))},
	}
}

// minimize adds the update of every trainable variable. It returns the variables of the
// moments, whose names begin with prefix, and the updates.
func (a adam) minimize(g *Graph, prefix string, loss Tensor, vars *variables) (slots []*graph.Variable, apply []Op) {
	var trainable []*graph.Variable
	var params []Param
	var reads []Tensor
	for i, v := range vars.all {
		if v.Trainable {
			trainable = append(trainable, v)
			params = append(params, vars.params[i])
			reads = append(reads, v.Value)
		}
	}
	constant := func(x float64) Tensor { return g.Scalar(float32(x)) }
	step := graph.Adam{
		Rate: a.rate, Power1: a.power1, Power2: a.power2,
		Beta1: constant(a.settings.Beta1), Beta2: constant(a.settings.Beta2), Epsilon: constant(a.settings.Epsilon),
	}
	zero := g.HideFromConstantFolding(g.Scalar(0)) // else TensorFlow keeps a constant of as many zeros as there are weights
	for i, dv := range g.Grad(loss, reads...) {
		v, step := trainable[i], step
		if !dv.Valid() {
			g.Fail(fmt.Errorf("no gradient reaches %s; freeze it", v.Name))
			return nil, nil
		}
		if share := params[i].Rate; share != 0 && share != 1 {
			step.Rate = g.Mul(step.Rate, constant(share))
		}
		slot := func(role string) *graph.Variable {
			s := g.Variable(prefix+"/"+v.Name+"/"+role, v.Shape, false, func(g *Graph) Tensor { return g.FillWith(v.Shape, zero) })
			slots = append(slots, s)
			return s
		}
		var before []Op
		if a.settings.WeightDecay > 0 && len(v.Shape) > 1 { // a kernel
			decay := g.Mul(v.Value, g.Mul(step.Rate, constant(a.settings.WeightDecay)))
			before = append(before, g.AssignSub(v.Handle, decay, dv.Op()))
		}
		apply = append(apply, g.ApplyAdam(v, slot("m"), slot("v"), step, dv, before...))
	}
	return slots, apply
}
