package tfmodel

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"oscar/internal/graph"
)

// rig is one layer, compiled alone in one mode, to be run on any input and
// parameters.
type rig struct {
	t       *testing.T
	layer   Layer
	in, out Shape
	params  []Param
	vars    *variables
	graph   *graph.Graph
	session *graph.Session
	x, y    graph.Tensor
	dx      graph.Tensor   // gradient of sum(y * mix) with respect to x, and ...
	dp      []graph.Tensor // ... to the trainable parameters, in their order
	mix     graph.Tensor   // fed
	seed    graph.Tensor   // fed
	updates []graph.Op
}

const rigName = "layer"

func newRig(t *testing.T, l Layer, in Shape, training bool) *rig {
	t.Helper()
	out, err := l.OutShape(in)
	if err != nil {
		t.Fatal(err)
	}
	g := graph.New()
	r := &rig{t: t, graph: g, layer: l, in: in, out: out, params: l.Params(in), vars: &variables{byName: map[string]*graph.Variable{}}}
	for _, p := range r.params {
		name := rigName + "/" + p.Role
		v := g.Variable(name, graph.Shape(p.Shape), p.Trainable, func(g *graph.Graph) graph.Tensor { return initial(g, p, 1, name) })
		r.vars.all, r.vars.byName[name] = append(r.vars.all, v), v
	}
	r.seed = g.Placeholder("seed", graph.Int64, graph.Shape{2})
	r.x = g.Placeholder("x", graph.Float, append(graph.Shape{-1}, in...))
	b := &Builder{Graph: g.In("mode").In(rigName), Training: training, layer: rigName, vars: r.vars, seed: r.seed}
	r.y = l.Apply(b, r.x)
	r.updates = b.updates
	if err := g.Err(); err != nil {
		t.Fatal(err)
	}

	r.mix = g.Placeholder("mix", graph.Float, append(graph.Shape{-1}, out...))
	xs := []graph.Tensor{r.x}
	for i, p := range r.params {
		if p.Trainable {
			xs = append(xs, r.vars.all[i].Value)
		}
	}
	gradients := g.Grad(g.Mul(r.y, r.mix), xs...)
	r.dx, r.dp = gradients[0], gradients[1:]
	if r.session, err = g.NewSession(graph.Config{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.session.Close() })
	return r
}

// point is what a rig is run at: inputs, and parameters by role.
type point struct {
	n      int
	x      []float32
	params map[string][]float32
	seed   int64
}

// point returns a fixed random one, away from kinks, see [spread].
func (r *rig) point(n int) point {
	p := point{n: n, x: spread(n*r.in.Elements(), 1), params: map[string][]float32{}, seed: 7}
	for i, param := range r.params {
		v := spread(Shape(param.Shape).Elements(), uint64(2+i))
		if strings.HasSuffix(param.Role, "variance") {
			for k := range v {
				v[k] = 0.5 + v[k]*v[k]
			}
		}
		p.params[param.Role] = v
	}
	return p
}

// gap is the least distance between two of spread's values; half of it, the
// least from zero.
const gap = 0.05

// spread returns n values around zero in a random order, none of them near
// another or near zero: where ReLU and max pooling are smooth.
func spread(n int, seed uint64) []float32 {
	v := make([]float32, n)
	for i, k := range rand.New(rand.NewPCG(seed, 0)).Perm(n) {
		v[i] = gap * (float32(k-n/2) + 0.5)
	}
	return v
}

// run feeds the point and mix, if it is given, and fetches. Parameters are fed
// in place of the variables' reads.
func (r *rig) run(p point, mix []float32, fetch []graph.Tensor, ops ...graph.Op) [][]float32 {
	r.t.Helper()
	feeds := []graph.Feed{
		{To: r.x, Value: graph.FromFloat32s(append(graph.Shape{p.n}, r.in...), p.x)},
		{To: r.seed, Value: graph.FromInt64s(graph.Shape{2}, []int64{p.seed, 0})},
	}
	if mix != nil {
		feeds = append(feeds, graph.Feed{To: r.mix, Value: graph.FromFloat32s(append(graph.Shape{p.n}, r.out...), mix)})
	}
	for i, param := range r.params {
		if v, ok := p.params[param.Role]; ok {
			feeds = append(feeds, graph.Feed{To: r.vars.all[i].Value, Value: graph.FromFloat32s(param.Shape, v)})
		}
	}
	got, err := r.session.Run(context.Background(), feeds, fetch, ops...)
	if err != nil {
		r.t.Fatal(err)
	}
	out := make([][]float32, len(got))
	for i, v := range got {
		out[i] = v.Float32s()
	}
	return out
}

// apply returns the layer's output.
func (r *rig) apply(p point) []float32 {
	r.t.Helper()
	return r.run(p, nil, []graph.Tensor{r.y})[0]
}

// numeric returns the gradient of sum(y * mix) with respect to values, which
// p holds, by central differences.
func (r *rig) numeric(p point, mix, values []float32) []float32 {
	r.t.Helper()
	sum := func() (s float64) {
		for i, y := range r.apply(p) {
			s += float64(y) * float64(mix[i])
		}
		return s
	}
	// The rounding error of y falls as h grows, what the curvature adds grows
	// with its square; below half a gap no kink is crossed.
	const h = gap / 4
	out := make([]float32, len(values))
	for i, at := range values {
		up, down := at+h, at-h
		values[i] = up
		high := sum()
		values[i] = down
		low := sum()
		values[i] = at
		out[i] = float32((high - low) / float64(up-down))
	}
	return out
}

// near checks two slices against each other, to a share of the largest value.
func near(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d values, want %d", what, len(got), len(want))
		return
	}
	scale := 1e-3
	for _, v := range want {
		scale = max(scale, math.Abs(float64(v)))
	}
	for i := range want {
		if apart := math.Abs(float64(got[i]) - float64(want[i])); !(apart <= tolerance*scale) {
			t.Errorf("%s: value %d of %d is %g, want %g (values up to %.3g)", what, i, len(want), got[i], want[i], scale)
			return
		}
	}
}

// wantError checks that an error names all of words, on one line.
func wantError(t *testing.T, what string, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error; want one that names %q", what, words)
		return
	}
	missing := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return strings.Contains(err.Error(), w) })
	if len(missing) > 0 || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "[[") {
		t.Errorf("%s: error %q, want one line, without TensorFlow's [[node]], that names %q", what, err, missing)
	}
}

// describe writes a parameter as the contract's table does.
func describe(p Param) string {
	text := fmt.Sprintf("%s %v %s", p.Role, Shape(p.Shape), p.Init)
	if !p.Trainable {
		text += " frozen"
	}
	if p.L2 > 0 {
		text += fmt.Sprintf(" l2 %g", p.L2)
	}
	return text
}
