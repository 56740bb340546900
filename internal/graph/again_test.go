package graph

import (
	"slices"
	"testing"
)

// A copy computes the same of another image, and shares what does not depend on it.
func TestAgain(t *testing.T) {
	g := New()
	x := g.In("model").Placeholder("x", Float, Shape{-1, 2})
	w := g.In("model").Variable("w", Shape{2, 2}, true, func(g *Graph) Tensor { return g.Fill(Shape{2, 2}, 3) })
	y := g.In("model").Square(g.In("model").MatMul(x, w.Value))
	other := g.Mul(x, g.Scalar(2))
	outs := g.In("second").Again(x, other, y, x, w.Value)
	dx := g.Grad(g.Sum(outs[0], false, 0, 1), x)[0]
	mustHold(t, g)
	if outs[1].Name() != other.Name() || outs[2].Name() != w.Value.Name() {
		t.Errorf("copies of x and of a variable are %s and %s", outs[1].Name(), outs[2].Name())
	}
	if got := g.Operations(); got["VarHandleOp"] != 1 || got["MatMul"] < 2 {
		t.Errorf("operations %v", got)
	}
	s, err := g.NewSession(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Run(t.Context(), nil, nil, w.Init); err != nil {
		t.Fatal(err)
	}
	out, err := s.Run(t.Context(), []Feed{{To: x, Value: FromFloat32s(Shape{1, 2}, []float32{1, 2})}}, []Tensor{y, outs[0], dx})
	if err != nil {
		t.Fatal(err)
	}
	// y = (3 (x1 + x2))^2 twice; of 2x: 4 y, and d/dx of 2 (6 (x1 + x2))^2 is 2 * 2 * 18 * 6
	for i, want := range [][]float32{{81, 81}, {324, 324}, {432, 432}} {
		if got := out[i].Float32s(); !slices.Equal(got, want) {
			t.Errorf("%d: %v, want %v", i, got, want)
		}
	}
	if g.Again(x, Tensor{}, y); g.Err() == nil {
		t.Error("no error for something that is not a tensor")
	}
}
