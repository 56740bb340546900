package tfmodel

import (
	"context"
	"errors"
	"fmt"

	"oscar/internal/graph"
)

// averages are the exponential moving averages of a trainer's weights (Polyak and Juditsky 1992):
// average = decay * average + (1 - decay) * weight after each step. The decay starts low, so that
// the first weights are soon forgotten, as in TensorFlow's ExponentialMovingAverage with
// num_updates.
type averages struct {
	decay    float64
	rest     Tensor // fed: 1 - decay
	of       map[string]*graph.Variable
	all      []*graph.Variable
	begin    []Op // set the averages to the weights
	exchange []Op // exchange averages and weights
}

// checkDecayOfAverage returns an error for a decay out of range.
func checkDecayOfAverage(decay float64) error {
	if !(decay >= 0 && decay < 1) { // also refuses NaN
		return fmt.Errorf("ema_decay is %g, want above 0 to below 1, or 0 for none", decay)
	}
	return nil
}

// newAverages declares the averages of variables that training changes.
func newAverages(g *Graph, decay float64, vars []*graph.Variable) *averages {
	a := &averages{decay: decay, of: map[string]*graph.Variable{}}
	in := g.In("average")
	a.rest = in.Placeholder("rest", graph.Float, Shape{})
	zero := g.HideFromConstantFolding(g.Scalar(0))
	for _, v := range vars {
		average := g.Variable("average/"+v.Name, v.Shape, false, func(g *Graph) Tensor { return g.FillWith(v.Shape, zero) })
		a.of[v.Name] = average
		a.all = append(a.all, average)
		a.begin = append(a.begin, in.Assign(average.Handle, v.Value))
		a.exchange = append(a.exchange, // both are read before either is written
			in.Assign(v.Handle, average.Value, v.Value.Op()), in.Assign(average.Handle, v.Value, average.Value.Op()))
	}
	return a
}

// update adds the update of the averages for the variables that a step changes. It runs after the
// step's own updates.
func (a *averages) update(g *Graph, vars []*graph.Variable, after []Op) (ops []Op) {
	for _, v := range vars {
		average := a.of[v.Name]
		moved := g.Mul(g.Sub(average.Value, g.ReadAfter(v, after...)), a.rest)
		ops = append(ops, g.AssignSub(average.Handle, moved))
	}
	return ops
}

// feed returns the fed value of a step, counted from 0.
func (a *averages) feed(number int) graph.Feed {
	t := float64(number)
	decay := min(a.decay, (1+t)/(10+t))
	return graph.Feed{To: a.rest, Value: graph.FromFloat32s(Shape{}, []float32{float32(1 - decay)})}
}

// Averages reports whether the trainer keeps moving averages of the weights.
func (t *Trainer) Averages() bool { return t.averages != nil }

// WithAverages calls do while the moving averages replace the weights, for Evaluate and SaveWeights.
func (t *Trainer) WithAverages(ctx context.Context, do func() error) error {
	exchange := func() error {
		_, err := t.session.Run(ctx, nil, nil, t.averages.exchange...)
		return err
	}
	if err := exchange(); err != nil {
		return err
	}
	return errors.Join(do(), exchange())
}

// beginAverages sets the averages to the weights.
func (t *Trainer) beginAverages(ctx context.Context) error {
	if t.averages == nil {
		return nil
	}
	_, err := t.session.Run(ctx, nil, nil, t.averages.begin...)
	return err
}
