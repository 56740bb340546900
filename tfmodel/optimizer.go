package tfmodel

import (
	"fmt"
	"math"
	"strings"

	"oscar/internal/graph"
	"oscar/internal/keyed"
	"oscar/internal/named"
)

// Optimizer has the settings of an optimiser: [Adam], [SGD] or [RMSprop]. Its JSON is its
// settings, by Keras's names.
type Optimizer interface {
	// Kind returns the optimiser's name in an experiment, such as "sgd".
	Kind() string
	// Check reports settings out of range.
	Check() error

	// weightDecay is the share that a step takes off each kernel, times the rate.
	weightDecay() float64
	// slots names the variables that are kept for each weight. They begin with zeros.
	slots() []string
	// scalars returns, for a step counted from 0, what changes from step to step besides
	// the learning rate.
	scalars(number int) []scalar
	// update adds the step of one weight.
	update(g *Graph, u update) Op
}

// scalar is a number that is fed in each step.
type scalar struct {
	name  string
	value float64
}

// update is the step of one weight in a graph.
type update struct {
	weight         *graph.Variable
	gradient, rate Tensor
	slots          []*graph.Variable // in the order of slots
	scalars        []Tensor          // in the order of scalars
	after          []Op              // what has to run before
}

// optimizers is the one table of optimisers. Experiments, help and the contract test range
// over it. Each entry returns the optimiser with its defaults.
var optimizers = []func() Optimizer{
	func() Optimizer { a := DefaultAdam(); return &a },
	func() Optimizer { return &SGD{} },
	func() Optimizer { return &RMSprop{Rho: 0.9, Epsilon: 1e-7} },
}

// Optimizers returns the names of all optimisers, the default first.
func Optimizers() []string {
	return named.Names(optimizers, func(o func() Optimizer) string { return o().Kind() })
}

// NewOptimizer returns a pointer to the optimiser of that name. settings is the JSON of
// those settings that differ from the defaults; unknown ones are errors.
func NewOptimizer(kind string, settings []byte) (Optimizer, error) {
	found, err := named.Find("optimizer", kind, optimizers, func(o func() Optimizer) string { return o().Kind() })
	if err != nil {
		return nil, err
	}
	o := found()
	if err := keyed.Decode(settings, o); err != nil {
		return nil, fmt.Errorf("optimizer %s: %s", kind, strings.TrimPrefix(err.Error(), "json: "))
	}
	return o, nil
}

// checkDecay reports a weight decay out of range.
func checkDecay(decay float64) error {
	if !(decay >= 0) || math.IsInf(decay, 0) {
		return fmt.Errorf("weight decay is %g, want at least 0", decay)
	}
	return nil
}

// checkMomentum reports a momentum out of range.
func checkMomentum(momentum float64) error {
	if !(momentum >= 0 && momentum < 1) {
		return fmt.Errorf("momentum is %g, want 0 to below 1", momentum)
	}
	return nil
}

// minimizer is the optimiser in a graph. The values that change from step to step are fed.
type minimizer struct {
	Optimizer
	rate Tensor
	fed  []Tensor // in the order of scalars
}

func newMinimizer(g *Graph, o Optimizer) minimizer {
	m := minimizer{Optimizer: o, rate: g.Placeholder("learning_rate", graph.Float, Shape{})}
	for _, s := range o.scalars(0) {
		m.fed = append(m.fed, g.Placeholder(s.name, graph.Float, Shape{}))
	}
	return m
}

// feeds returns the values for a step. Steps count from 0.
func (m minimizer) feeds(number int, rate float64) []graph.Feed {
	value := func(x float64) graph.Value { return graph.FromFloat32s(Shape{}, []float32{float32(x)}) }
	feeds := []graph.Feed{{To: m.rate, Value: value(rate)}}
	for i, s := range m.scalars(number) {
		feeds = append(feeds, graph.Feed{To: m.fed[i], Value: value(s.value)})
	}
	return feeds
}

// minimize adds the update of every variable, whose parameters and gradients are given. It
// returns the variables that the optimiser keeps, whose names begin with prefix, and the
// updates.
func (m minimizer) minimize(g *Graph, prefix string, vars *variables, grads []Tensor) (slots []*graph.Variable, apply []Op) {
	constant := func(x float64) Tensor { return g.Scalar(float32(x)) }
	zero := g.HideFromConstantFolding(g.Scalar(0)) // else TensorFlow keeps a constant of as many zeros as there are weights
	for i, dv := range grads {
		v := vars.all[i]
		u := update{weight: v, gradient: dv, rate: m.rate, scalars: m.fed}
		if share := vars.params[i].Rate; share != 0 && share != 1 {
			u.rate = g.Mul(u.rate, constant(share))
		}
		for _, role := range m.slots() {
			s := g.Variable(prefix+"/"+v.Name+"/"+role, v.Shape, false, func(g *Graph) Tensor { return g.FillWith(v.Shape, zero) })
			u.slots = append(u.slots, s)
		}
		slots = append(slots, u.slots...)
		if decay := m.weightDecay(); decay > 0 && len(v.Shape) > 1 { // a kernel
			step := g.Mul(v.Value, g.Mul(u.rate, constant(decay)))
			u.after = append(u.after, g.AssignSub(v.Handle, step, dv.Op()))
		}
		apply = append(apply, m.update(g, u))
	}
	return slots, apply
}
