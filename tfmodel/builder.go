package tfmodel

import (
	"fmt"
	"hash/fnv"
	"math"

	"oscar/internal/graph"
)

// Builder adds the operations of a layer. It has the graph at the layer's scope, the layer's
// parameters and the mode.
type Builder struct {
	*Graph
	Training bool // false: inference

	layer    string
	vars     *variables
	seed     Tensor            // int64 pair, fed in each training step
	updates  []Op              // of moving averages; each training step runs them
	moved    []*graph.Variable // changed by updates
	depth    float64           // in training, the drop rate of the last residual block
	rows     Tensor            // int32 pair: index of the first image in the batch, and size of the batch; none: all
	pending  []pendingMove     // updates of variables in another graph
	exchange *exchange         // of batch normalization statistics with other towers; nil: none
	imported map[string]Tensor // the outputs of imported layers
}

// Param returns one of the layer's parameters by its role.
func (b *Builder) Param(role string) Tensor {
	if v := b.variable(role); v != nil {
		return v.Value
	}
	return Tensor{}
}

// declared reports whether the layer has a parameter of that role.
func (b *Builder) declared(role string) bool { return b.vars.byName[b.layer+"/"+role] != nil }

func (b *Builder) variable(role string) *graph.Variable {
	name := b.layer + "/" + role
	v := b.vars.byName[name]
	if v == nil {
		b.Fail(fmt.Errorf("layer asks for parameter %q that it did not declare", name))
	}
	return v
}

// Seed returns a seed for stateless random operations, int64 [2]. It depends only on the training
// step and the layer's name.
func (b *Builder) Seed() Tensor {
	return b.Add(b.seed, b.Const(graph.FromInt64s(Shape{2}, []int64{nameSeed(b.layer), 0})))
}

// random returns uniform values in [0,1) for each image, from the layer's seed. The first dimension
// of shape is the images. The values depend on an image's index in the batch, not on which part of
// the batch this graph computes.
func (b *Builder) random(shape Tensor) Tensor {
	if !b.rows.Valid() {
		return b.Uniform(shape, b.Seed())
	}
	one := func(i int) Tensor { return b.Slice(b.rows, b.Ints(i), b.Ints(1)) }
	example := b.Slice(shape, b.Ints(1), b.Ints(-1))
	all := b.Uniform(b.Concat(0, one(1), example), b.Seed())
	return b.Slice(all, b.Concat(0, one(0), b.Mul(example, b.Int(0))), shape)
}

// pendingMove is an update of a moving average whose variable is in another graph.
type pendingMove struct {
	variable string
	value    Tensor
	momentum float64
}

// move adds an update of each training step: moving -= (moving - value) * (1 - momentum).
func (b *Builder) move(role string, value Tensor, momentum float64) {
	v := b.variable(role)
	if v == nil {
		return
	}
	if !v.Handle.Valid() {
		b.pending = append(b.pending, pendingMove{v.Name, value, momentum})
		return
	}
	b.moveTo(v, value, momentum)
}

// moveTo is move for a variable in the builder's graph.
func (b *Builder) moveTo(v *graph.Variable, value Tensor, momentum float64) {
	delta := b.Mul(b.Sub(v.Value, value), b.Scalar(float32(1-momentum)))
	b.updates = append(b.updates, b.AssignSub(v.Handle, delta))
	b.moved = append(b.moved, v)
}

// variables are the parameters of one graph. Its training and inference branches share
// them.
type variables struct {
	all    []*graph.Variable
	params []Param
	byName map[string]*graph.Variable
}

// trainable returns the trained variables.
func (vars *variables) trainable() *variables {
	out := &variables{byName: vars.byName}
	for i, v := range vars.all {
		if v.Trainable {
			out.all, out.params = append(out.all, v), append(out.params, vars.params[i])
		}
	}
	return out
}

// reads returns the values of all variables.
func (vars *variables) reads() []Tensor {
	reads := make([]Tensor, len(vars.all))
	for i, v := range vars.all {
		reads[i] = v.Value
	}
	return reads
}

// gradients returns the gradients of the loss with respect to each variable.
func (vars *variables) gradients(g *Graph, loss Tensor) []Tensor {
	grads := g.Grad(loss, vars.reads()...)
	for i, d := range grads {
		if !d.Valid() {
			g.Fail(fmt.Errorf("no gradient reaches %s; freeze it", vars.all[i].Name))
		}
	}
	return grads
}

// penalty returns the sum of L2 * sum(w^2) over the parameters with L2 above 0. It returns an
// invalid tensor if there are none.
func (vars *variables) penalty(g *Graph) (sum Tensor) {
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

// declare adds the variables of all layers to g. Initial values depend only on the seed and the
// variable's name, not on other layers.
func (s steps) declare(g *Graph, seed uint64) (*variables, error) {
	vars := &variables{byName: map[string]*graph.Variable{}}
	s.forEachParam(func(name string, p Param) {
		v := g.Variable(name, p.Shape, p.Trainable, func(g *Graph) Tensor {
			return initial(g, p, seed, name)
		})
		vars.all = append(vars.all, v)
		vars.params = append(vars.params, p)
		vars.byName[name] = v
	})
	return vars, g.Err()
}

// initial returns a parameter's initial value.
func initial(g *Graph, p Param, seed uint64, name string) Tensor {
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
		const remains = 0.87962566103423978 // standard deviation of a standard normal distribution that is truncated at +-2
		in, _ := fans(p.Shape)
		deviation := float32(math.Sqrt(2/float64(in)) / remains)
		return g.Mul(g.TruncatedNormal(g.Ints(p.Shape...), seedOf(g, seed, name)), g.Scalar(deviation))
	}
	g.Fail(fmt.Errorf("%s: no initializer %q", name, p.Init))
	return Tensor{}
}

// seedOf returns a constant seed for a variable, int64 [2].
func seedOf(g *Graph, seed uint64, name string) Tensor {
	return g.Const(graph.FromInt64s(Shape{2}, []int64{int64(seed), nameSeed(name)}))
}

// fans returns fan_in and fan_out as Keras defines them.
func fans(shape []int) (in, out int) {
	receptive := 1
	for _, d := range shape[:len(shape)-2] {
		receptive *= d
	}
	return receptive * shape[len(shape)-2], receptive * shape[len(shape)-1]
}

// nameSeed returns a seed that depends only on the name.
func nameSeed(name string) int64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return int64(h.Sum64() >> 1)
}
