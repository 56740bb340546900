package graph_test

import (
	"math"
	"testing"

	"oscar/internal/graph"
)

// The gradients of operations that detectors use, against differences.
func TestDetectionGradients(t *testing.T) {
	indices := func(g *graph.Graph) graph.Tensor {
		return g.Const(graph.FromInt32s(graph.Shape{2, 2}, []int32{2, 0, 1, 1}))
	}
	for name, c := range map[string]struct {
		shape graph.Shape
		f     func(g *graph.Graph, x graph.Tensor) graph.Tensor
	}{
		"gather":                {graph.Shape{2, 3, 2}, func(g *graph.Graph, x graph.Tensor) graph.Tensor { return g.Gather(x, indices(g)) }},
		"batch product, left":   {graph.Shape{2, 1, 3, 2}, func(g *graph.Graph, x graph.Tensor) graph.Tensor { return g.BatchMatMul(x, ramp(g, 2, 4, 2, 3)) }},
		"batch product, right":  {graph.Shape{2, 4, 2, 3}, func(g *graph.Graph, x graph.Tensor) graph.Tensor { return g.BatchMatMul(ramp(g, 2, 1, 3, 2), x) }},
		"batch product, shared": {graph.Shape{2, 1, 2, 3}, func(g *graph.Graph, x graph.Tensor) graph.Tensor { return g.BatchMatMul(ramp(g, 2, 4, 3, 2), x) }},
		"split":                 {graph.Shape{2, 4}, func(g *graph.Graph, x graph.Tensor) graph.Tensor { return g.Split(x, 1, 2)[1] }},
		"enlarge":               {graph.Shape{1, 2, 3, 2}, func(g *graph.Graph, x graph.Tensor) graph.Tensor { return g.Mul(g.Enlarge(x, 2), ramp(g, 1, 4, 6, 2)) }},
		"softplus":              {graph.Shape{5}, func(g *graph.Graph, x graph.Tensor) graph.Tensor { return g.Softplus(x) }},
		"exp and log":           {graph.Shape{5}, func(g *graph.Graph, x graph.Tensor) graph.Tensor { return g.Log(g.Add(g.Scalar(1), g.Exp(x))) }},
		"maximum":               {graph.Shape{5}, func(g *graph.Graph, x graph.Tensor) graph.Tensor { return g.Maximum(x, g.Scalar(0.1)) }},
		"through own order": {graph.Shape{1, 6}, func(g *graph.Graph, x graph.Tensor) graph.Tensor {
			_, best := g.TopK(g.StopGradient(x), 3)
			return g.Gather(x, best)
		}},
	} {
		g := graph.New()
		x := g.Placeholder("x", graph.Float, c.shape)
		y := c.f(g, x)
		axes := make([]int, len(y.Shape()))
		for i := range axes {
			axes[i] = i
		}
		sum := g.Sum(g.Square(y), false, axes...)
		gradient := g.Grad(sum, x)[0]
		if g.Err() != nil {
			t.Fatalf("%s: %v", name, g.Err())
		}
		s, err := g.NewSession(graph.Config{})
		if err != nil {
			t.Fatal(err)
		}
		at := make([]float32, c.shape.Elements())
		for i := range at {
			at[i] = float32(math.Sin(float64(3*i + 1)))
		}
		run := func(values []float32, fetch graph.Tensor) []float32 {
			out, err := s.Run(t.Context(), []graph.Feed{{To: x, Value: graph.FromFloat32s(c.shape, values)}}, []graph.Tensor{fetch})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return out[0].Float32s()
		}
		got := run(at, gradient)
		for i := range at {
			const h = 1.0 / 64
			moved := append([]float32(nil), at...)
			moved[i] = at[i] + h
			up := run(moved, sum)[0]
			moved[i] = at[i] - h
			want := (up - run(moved, sum)[0]) / (2 * h)
			if math.Abs(float64(got[i]-want)) > 2e-3*max(1, math.Abs(float64(want))) {
				t.Errorf("%s: gradient %d is %g, by differences %g", name, i, got[i], want)
			}
		}
		s.Close()
	}
}

// ramp is a constant of different values.
func ramp(g *graph.Graph, shape ...int) graph.Tensor {
	v := make([]float32, graph.Shape(shape).Elements())
	for i := range v {
		v[i] = float32(i%7)/4 - 0.6
	}
	return g.Const(graph.FromFloat32s(shape, v))
}
