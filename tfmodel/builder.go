package tfmodel

import (
	"fmt"
	"hash/fnv"
	"math"

	"oscar/internal/graph"
)

// Builder is what a layer adds its operations with: the graph, seen from the
// layer's scope, the layer's parameters, and the mode.
type Builder struct {
	*graph.Graph
	Training bool

	layer   string
	vars    *variables
	seed    graph.Tensor // int64 pair, fed each step; training only
	updates []graph.Op   // moving averages, run with each training step
}

// Param returns the value of one of the layer's parameters.
func (b *Builder) Param(role string) graph.Tensor {
	if v := b.variable(role); v != nil {
		return v.Value
	}
	return graph.Tensor{}
}

func (b *Builder) variable(role string) *graph.Variable {
	name := b.layer + "/" + role
	v := b.vars.byName[name]
	if v == nil {
		b.Fail(fmt.Errorf("layer asks for parameter %q that it did not declare", name))
	}
	return v
}

// Seed returns the step's seed, mixed with the layer's name.
func (b *Builder) Seed() graph.Tensor {
	return b.Add(b.seed, b.Const(graph.FromInt64s(graph.Shape{2}, []int64{nameSeed(b.layer), 0})))
}

// move adds moving -= (moving - value) * (1 - momentum) to each step.
func (b *Builder) move(role string, value graph.Tensor, momentum float64) {
	v := b.variable(role)
	if v == nil {
		return
	}
	delta := b.Mul(b.Sub(v.Value, value), b.Scalar(float32(1-momentum)))
	b.updates = append(b.updates, b.AssignSub(v.Handle, delta))
}

// variables are the parameters of one graph, shared by its branches.
type variables struct {
	all    []*graph.Variable
	params []Param
	byName map[string]*graph.Variable
}

// declare adds the architecture's variables to g. seed decides their initial
// values, each by its own name, so that adding a layer reseeds no other.
func (a Architecture) declare(g *graph.Graph, seed uint64) (*variables, error) {
	vars := &variables{byName: map[string]*graph.Variable{}}
	shapes, err := a.Shapes()
	if err != nil {
		return nil, err
	}
	for i, l := range a.Layers {
		for _, p := range l.Layer.Params(shapes[i]) {
			name := l.Name + "/" + p.Role
			v := g.Variable(name, graph.Shape(p.Shape), p.Trainable, func(g *graph.Graph) graph.Tensor {
				return initial(g, p, seed, name)
			})
			vars.all = append(vars.all, v)
			vars.params = append(vars.params, p)
			vars.byName[name] = v
		}
	}
	return vars, g.Err()
}

// initial adds the operations that give a parameter its first value.
func initial(g *graph.Graph, p Param, seed uint64, name string) graph.Tensor {
	switch p.Init {
	case Zeros:
		return g.Fill(p.Shape, 0)
	case Ones:
		return g.Fill(p.Shape, 1)
	case GlorotUniform:
		in, out := fans(p.Shape)
		limit := float32(math.Sqrt(6 / float64(in+out)))
		pair := g.Const(graph.FromInt64s(graph.Shape{2}, []int64{int64(seed), nameSeed(name)}))
		unit := g.Uniform(g.Ints(p.Shape...), pair)
		return g.Sub(g.Mul(unit, g.Scalar(2*limit)), g.Scalar(limit))
	}
	g.Fail(fmt.Errorf("%s: no initializer %q", name, p.Init))
	return graph.Tensor{}
}

// fans returns fan_in and fan_out as Keras counts them.
func fans(shape []int) (in, out int) {
	receptive := 1
	for _, d := range shape[:len(shape)-2] {
		receptive *= d
	}
	return receptive * shape[len(shape)-2], receptive * shape[len(shape)-1]
}

// nameSeed maps a name to a seed.
func nameSeed(name string) int64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return int64(h.Sum64() >> 1)
}

// tap is one layer's place in a graph.
type tap struct {
	name string
	out  graph.Tensor
}

// apply adds the operations of all layers to g under scope.
func (a Architecture) apply(b *Builder, scope string, x graph.Tensor) (logits graph.Tensor, taps []tap) {
	root := b.Graph
	for _, l := range a.Layers {
		b.Graph, b.layer = root.In(scope).In(l.Name), l.Name
		x = l.Layer.Apply(b, x)
		taps = append(taps, tap{l.Name, x})
		if b.Err() != nil {
			break
		}
	}
	b.Graph, b.layer = root, ""
	return x, taps
}
