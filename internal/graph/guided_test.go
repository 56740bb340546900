package graph

import (
	"slices"
	"strings"
	"testing"
)

// y = relu(x) w1 + relu6(-2 relu(x)) w2: the first ReLU collects what comes from two sides.
func TestGuidedGrad(t *testing.T) {
	g := New()
	x := g.Placeholder("x", Float, Shape{-1, 2})
	first := g.Relu(x)
	second := g.Relu6(g.Mul(first, g.Const(FromFloat32s(Shape{2}, []float32{2, -2}))))
	y := g.Sum(g.Add(g.Mul(first, g.Const(FromFloat32s(Shape{2}, []float32{-3, 1}))), g.Mul(second, g.Scalar(2))), false, 0, 1)
	if err := CheckGuided(y, x); err != nil {
		t.Error(err)
	}
	guided, plain := g.GuidedGrad(y, x), g.Grad(y, x)[0]
	same := g.GuidedGrad(x, x)
	mustHold(t, g)
	s, err := g.NewSession(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	in := FromFloat32s(Shape{3, 2}, []float32{1, 1, 4, -1, -1, 2})
	out, err := s.Run(t.Context(), []Feed{{To: x, Value: in}}, []Tensor{plain, guided, same})
	if err != nil {
		t.Fatal(err)
	}
	// of 1: -3 + 2 * 2; of 4, where the second is at its 6: -3, which the first holds back
	for i, want := range [][]float32{{1, 1, -3, 0, 0, 1}, {1, 1, 0, 0, 0, 1}, {1, 1, 1, 1, 1, 1}} {
		if got := out[i].Float32s(); !slices.Equal(got, want) {
			t.Errorf("%d: %v, want %v", i, got, want)
		}
	}
	if n := g.Operations()["ReluGrad"]; n != 3 {
		t.Errorf("%d operations ReluGrad, want one of the gradient, and two of the guided one", n)
	}
}

// Activations that are not ReLUs are named, also where they consist of ReLUs.
func TestCheckGuided(t *testing.T) {
	for want, make := range map[string]func(g *Graph, x Tensor) Tensor{
		"": func(g *Graph, x Tensor) Tensor { // Keras's ReLU(max_value=3)
			return g.one("Maximum", nil, g.Minimum(g.Relu(x), g.Scalar(3)), g.Scalar(0))
		},
		"Maximum with a constant (Maximum)": func(g *Graph, x Tensor) Tensor { return g.one("Maximum", nil, g.Scalar(0), g.Square(g.Relu(x))) },
		"a hard sigmoid, Relu6 of a sum with a number (Relu6)": func(g *Graph, x Tensor) Tensor {
			return g.Relu6(g.Add(x, g.Scalar(3)))
		},
		"Relu of a negated tensor, as in PReLU (Relu_1)": func(g *Graph, x Tensor) Tensor { return g.Add(g.Relu(x), g.Relu(g.Neg(x))) },
		"Elu (Elu), Tanh (Tanh)":                         func(g *Graph, x Tensor) Tensor { return g.one("Tanh", nil, g.one("Elu", nil, g.Relu(x))) },
		"the model has neither":                          func(g *Graph, x Tensor) Tensor { return g.Square(x) },
	} {
		g := New()
		x := g.Placeholder("x", Float, Shape{-1, 2})
		y := make(g, x)
		mustHold(t, g)
		if err := CheckGuided(y, x); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
