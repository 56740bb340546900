package tfmodel

import (
	"fmt"
	"slices"

	"oscar/internal/graph"
)

// Types of internal/graph in the exported fields of a [Composition], as aliases for other modules.
type (
	// Variable is a resource variable.
	Variable = graph.Variable
	// Feed is a tensor's value for one run.
	Feed = graph.Feed
)

// Stack is a list of layers as a part of a larger network, such as a detector. It can be applied
// several times; the applications share the variables.
type Stack struct {
	steps steps
	In    Shape
}

// NewStack returns the stack of layers for an input shape. prefix is prepended to the names of its
// layers and variables: "box/" gives box/fc1/kernel.
func NewStack(prefix string, layers []Named, in Shape) (Stack, error) {
	if len(layers) == 0 {
		return Stack{}, fmt.Errorf("%q has no layers", prefix)
	}
	if _, err := shapes(layers, in, map[string]bool{}); err != nil {
		return Stack{}, err
	}
	s, _ := steps(nil).appendLayers(prefix, layers, in, -1)
	return Stack{s, in}, nil
}

// Tuned returns the stack for training pretrained weights with the settings o. Batch normalization
// uses its moving averages.
func (s Stack) Tuned(o Tuning) (Stack, error) {
	s.steps = slices.Clone(s.steps)
	return s, s.steps.tune(o)
}

// Out returns the shape of the last layer's output.
func (s Stack) Out() Shape { return s.steps[len(s.steps)-1].out }

// Layer returns the shape of a layer's output, and its index in the result of Apply.
func (s Stack) Layer(name string) (index int, out Shape, err error) {
	names := make([]string, len(s.steps))
	for i, step := range s.steps {
		if step.name == name {
			return i, step.out, nil
		}
		names[i] = step.name
	}
	return 0, nil, fmt.Errorf("no layer %q; have %v", name, names)
}

// Names returns the names of all layers, in the order of the result of Apply.
func (s Stack) Names() (names []string) {
	for _, step := range s.steps {
		names = append(names, step.name)
	}
	return names
}

// Memory returns the bytes of all layers' outputs, in float32 for n inputs.
func (s Stack) Memory(n int) (bytes float64) {
	for _, step := range s.steps {
		bytes += 4 * float64(n) * float64(step.out.Elements())
	}
	return bytes
}

// Apply adds the layers' operations for x of shape [N, in...], and returns the output of each.
func (s Stack) Apply(b *Builder, x Tensor) []Tensor { return s.steps.apply(b, x) }

// Composition is a network of several stacks in one graph.
type Composition struct {
	Graph *Graph
	vars  *variables
}

// Compose adds the variables of stacks to a graph. Initial values depend only on the seed and the
// variable's name.
func Compose(g *Graph, seed uint64, stacks ...Stack) (*Composition, error) {
	var all steps
	for _, s := range stacks {
		all = append(all, s.steps...)
	}
	seen := map[string]bool{}
	for _, s := range all {
		if seen[s.name] {
			return nil, fmt.Errorf("two layers are named %q", s.name)
		}
		seen[s.name] = true
	}
	vars, err := all.declare(g, seed)
	return &Composition{g, vars}, err
}

// Variables returns all variables of the stacks.
func (c *Composition) Variables() []*Variable { return slices.Clone(c.vars.all) }

// Of returns the variables of a stack.
func (c *Composition) Of(s Stack) (all []*Variable) {
	s.steps.forEachParam(func(name string, _ Param) { all = append(all, c.vars.byName[name]) })
	return all
}

// Inference returns a builder for stacks in inference mode, below the scope of g.
func (c *Composition) Inference(g *Graph) *Builder { return &Builder{Graph: g, vars: c.vars} }

// Training returns a builder for stacks in training mode. seed is an int64 pair that is fed in each
// step.
func (c *Composition) Training(g *Graph, seed Tensor) *Builder {
	return &Builder{Graph: g, Training: true, vars: c.vars, seed: seed}
}

// Minimizer is a training step.
type Minimizer struct {
	Step  Op
	Slots []*Variable // of the optimizer
	fed   minimizer
}

// Minimize adds a training step that updates all variables and the moving averages of a
// builder in training mode. L2 penalties of layers are not added.
func (c *Composition) Minimize(g *Graph, o Optimizer, loss Tensor, b *Builder) (Minimizer, error) {
	if err := o.Check(); err != nil {
		return Minimizer{}, err
	}
	m := Minimizer{fed: newMinimizer(g, o)}
	in, trained := g.In("optimizer"), c.vars.trainable()
	grads := trained.gradients(in, loss)
	if g.Err() != nil {
		return m, g.Err()
	}
	slots, apply := m.fed.minimize(in, "optimizer", trained, grads)
	m.Slots = slots
	m.Step = g.Group("train_step", append(apply, b.updates...)...)
	return m, g.Err()
}

// Feeds returns the fed values of a step. Steps count from 0.
func (m Minimizer) Feeds(number int, rate float64) []Feed { return m.fed.feeds(number, rate) }

// Parameters returns the number of parameters.
func (s Stack) Parameters() (n int) {
	s.steps.forEachParam(func(_ string, p Param) { n += p.Shape.Elements() })
	return n
}
