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

// declared reports whether the layer has a parameter.
func (b *Builder) declared(role string) bool { return b.vars.byName[b.layer+"/"+role] != nil }

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

// penalty is the sum of L2 * sum(w^2) over the parameters that have one; no
// tensor if none has.
func (vars *variables) penalty(g *graph.Graph) (sum graph.Tensor) {
	for i, p := range vars.params {
		if p.L2 == 0 {
			continue
		}
		axes := make([]int, len(p.Shape))
		for d := range axes {
			axes[d] = d
		}
		one := g.Mul(g.Scalar(float32(p.L2)), g.Sum(g.Square(vars.all[i].Value), false, axes...))
		if sum.Valid() {
			one = g.Add(sum, one)
		}
		sum = one
	}
	return sum
}

// declare adds the variables of all layers to g. seed decides their initial
// values, each by its own name, so that adding a layer reseeds no other.
func (s steps) declare(g *graph.Graph, seed uint64) (*variables, error) {
	vars := &variables{byName: map[string]*graph.Variable{}}
	s.forEachParam(func(name string, p Param) {
		v := g.Variable(name, graph.Shape(p.Shape), p.Trainable, func(g *graph.Graph) graph.Tensor {
			return initial(g, p, seed, name)
		})
		vars.all = append(vars.all, v)
		vars.params = append(vars.params, p)
		vars.byName[name] = v
	})
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
		unit := g.Uniform(g.Ints(p.Shape...), seedOf(g, seed, name))
		return g.Sub(g.Mul(unit, g.Scalar(2*limit)), g.Scalar(limit))
	case HeNormal:
		const remains = 0.87962566103423978 // deviation of a standard normal that is cut off at +-2
		in, _ := fans(p.Shape)
		deviation := float32(math.Sqrt(2/float64(in)) / remains)
		return g.Mul(g.TruncatedNormal(g.Ints(p.Shape...), seedOf(g, seed, name)), g.Scalar(deviation))
	}
	g.Fail(fmt.Errorf("%s: no initializer %q", name, p.Init))
	return graph.Tensor{}
}

// seedOf is a constant pair for a variable's own draw.
func seedOf(g *graph.Graph, seed uint64, name string) graph.Tensor {
	return g.Const(graph.FromInt64s(graph.Shape{2}, []int64{int64(seed), nameSeed(name)}))
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
