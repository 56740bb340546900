package tfmodel

import (
	"fmt"
	"math"
	"strings"

	"oscar/internal/graph"
	"oscar/internal/keyed"
	"oscar/internal/named"
)

// Optimizer has the settings of an optimizer: [Adam], [SGD] or [RMSprop]. Its JSON has the settings
// by Keras's names.
type Optimizer interface {
	// Kind returns the optimizer's name in an experiment, such as "sgd".
	Kind() string
	// Check returns an error for settings out of range.
	Check() error

	// weightDecay is the factor of weight and rate that a step subtracts from each kernel.
	weightDecay() float64
	// slots returns the names of the variables kept for each weight, which are initially zero.
	slots() []string
	// scalars returns the numbers that change in each step besides the learning rate. Steps count from
	// 0.
	scalars(number int) []scalar
	// update adds the update of one weight.
	update(g *Graph, u update) Op
}

// scalar is a number that is fed in each step.
type scalar struct {
	name  string
	value float64
}

// update is the update of one weight in a graph.
type update struct {
	weight         *graph.Variable
	gradient, rate Tensor
	slots          []*graph.Variable // in the order of slots
	scalars        []Tensor          // in the order of scalars
	after          []Op              // operations that must run before
}

// optimizers is the table of optimizers. Experiments, help and the contract test use it. Each entry
// returns an optimizer with default settings.
var optimizers = []func() Optimizer{
	func() Optimizer { a := DefaultAdam(); return &a },
	func() Optimizer { return &SGD{} },
	func() Optimizer { return &RMSprop{Rho: 0.9, Epsilon: 1e-7} },
}

// Optimizers returns the names of all optimizers, the default first.
func Optimizers() []string {
	return named.Names(optimizers, func(o func() Optimizer) string { return o().Kind() })
}

// NewOptimizer returns a pointer to the optimizer of that name. settings is the JSON of the settings
// that differ from the defaults. Unknown ones are errors.
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

// checkDecay returns an error for a weight decay out of range.
func checkDecay(decay float64) error {
	if !(decay >= 0) || math.IsInf(decay, 0) {
		return fmt.Errorf("weight decay is %g, want at least 0", decay)
	}
	return nil
}

// checkMomentum returns an error for a momentum out of range.
func checkMomentum(momentum float64) error {
	if !(momentum >= 0 && momentum < 1) {
		return fmt.Errorf("momentum is %g, want 0 to below 1", momentum)
	}
	return nil
}

// minimizer is an optimizer in a graph. Values that change in each step are fed.
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

// feeds returns the fed values of a step. Steps count from 0.
func (m minimizer) feeds(number int, rate float64) []graph.Feed {
	value := func(x float64) graph.Value { return graph.FromFloat32s(Shape{}, []float32{float32(x)}) }
	feeds := []graph.Feed{{To: m.rate, Value: value(rate)}}
	for i, s := range m.scalars(number) {
		feeds = append(feeds, graph.Feed{To: m.fed[i], Value: value(s.value)})
	}
	return feeds
}

// minimize adds the update of each variable by its gradient. It returns the optimizer's variables,
// whose names start with prefix, and the updates.
func (m minimizer) minimize(g *Graph, prefix string, vars *variables, grads []Tensor) (slots []*graph.Variable, apply []Op) {
	constant := func(x float64) Tensor { return g.Scalar(float32(x)) }
	zero := g.HideFromConstantFolding(g.Scalar(0)) // otherwise TensorFlow would keep a constant of zeros as large as the weights
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
