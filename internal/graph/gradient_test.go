package graph

import (
	"context"
	"fmt"
	"math"
	"testing"
)

// Gradients through products are held against TensorFlow's own, of the whole
// graph at once.
func TestGradThroughProducts(t *testing.T) {
	for name, test := range map[string]struct {
		build  func(g *Graph, x, v, w Tensor) (y Tensor) // of [3,4], [4,4], [4,4]
		across int                                       // products of a transposed second factor: where x goes around the product
	}{
		"side by side":           {func(g *Graph, x, v, w Tensor) Tensor { return g.Mul(g.MatMul(x, w), g.MatMul(x, v)) }, 2},
		"two in a row":           {func(g *Graph, x, v, w Tensor) Tensor { return g.MatMul(g.Relu(g.MatMul(x, v)), w) }, 0},
		"nothing between":        {func(g *Graph, x, v, w Tensor) Tensor { return g.MatMul(g.MatMul(x, v), w) }, 0},
		"a factor of both":       {func(g *Graph, x, v, w Tensor) Tensor { return g.MatMul(g.MatMul(x, g.Add(v, w)), w) }, 2},
		"used before and after":  {func(g *Graph, x, v, w Tensor) Tensor { return g.MatMul(g.Mul(g.MatMul(x, v), x), w) }, 1},
		"around a product":       {func(g *Graph, x, v, w Tensor) Tensor { return g.Add(g.MatMul(g.Relu(g.MatMul(x, v)), w), x) }, 2},
		"a product of both":      {func(g *Graph, x, v, w Tensor) Tensor { return g.MatMul(x, g.MatMul(v, g.Mul(w, v))) }, 1},
		"something else first":   {func(g *Graph, x, v, w Tensor) Tensor { return g.Square(g.MatMul(g.Square(x), g.MatMul(v, w))) }, 0},
		"a product of products":  {func(g *Graph, x, v, w Tensor) Tensor { return g.MatMul(g.MatMul(x, w), g.MatMul(w, v)) }, 3},
		"one transposed":         {func(g *Graph, x, v, w Tensor) Tensor { return g.Mul(g.MatMulTransposed(x, v), g.MatMul(x, w)) }, 2},
		"added after the second": {func(g *Graph, x, v, w Tensor) Tensor { return g.Add(g.MatMul(x, v), g.Sum(w, true, 0)) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			g := New()
			x, v, w := g.Placeholder("x", Float, Shape{3, 4}), g.Placeholder("v", Float, Shape{4, 4}), g.Placeholder("w", Float, Shape{4, 4})
			y := test.build(g, x, v, w)
			got := g.Grad(y, x, v, w)
			across := transposedSeconds(g)
			plain := backward{g.In("plain"), g}.builtin(y, Tensor{}, []Tensor{x, v, w})
			mustHold(t, g)
			if across != test.across {
				t.Errorf("%d products of a transposed second factor, want %d", across, test.across)
			}
			s, err := g.NewSession(Config{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			out, err := s.Run(context.Background(), []Feed{
				{x, FromFloat32s(Shape{3, 4}, wave(12, 1))}, {v, FromFloat32s(Shape{4, 4}, wave(16, 2))}, {w, FromFloat32s(Shape{4, 4}, wave(16, 3))},
			}, append(got, plain...))
			if err != nil {
				t.Fatal(err)
			}
			for i, name := range []string{"x", "v", "w"} {
				sameGradient(t, name, out[i], out[i+3])
			}
		})
	}
}

// sameGradient fails unless a gradient with respect to a tensor of that name is what
// it should be.
func sameGradient(t *testing.T, name string, got, want Value) {
	t.Helper()
	if got.Shape().String() != want.Shape().String() {
		t.Fatalf("d/d%s is %v, want %v", name, got.Shape(), want.Shape())
	}
	a, b := got.Float32s(), want.Float32s()
	for k := range a {
		if math.Abs(float64(a[k]-b[k])) > 1e-5*(1+math.Abs(float64(b[k]))) {
			t.Errorf("d/d%s[%d] is %g, want %g", name, k, a[k], b[k])
		}
	}
}

// The gradient of strided convolutions of images is held against TensorFlow's own,
// for sides that the stride divides and that it does not.
func TestGradThroughStridedConvolutions(t *testing.T) {
	for _, padding := range []string{"SAME", "VALID"} {
		for _, c := range []struct{ height, width, kernel, stride, channels int }{
			{11, 8, 3, 2, 3}, {12, 9, 5, 4, 1}, {10, 10, 2, 3, 3}, {9, 13, 4, 4, 2}, {7, 7, 1, 2, 3}, {19, 23, 11, 4, 3}, {8, 8, 3, 2, 5},
		} {
			t.Run(fmt.Sprintf("%s %+v", padding, c), func(t *testing.T) {
				g := New()
				image, kernel := Shape{2, c.height, c.width, c.channels}, Shape{c.kernel, c.kernel, c.channels, 4}
				x, w := g.Placeholder("x", Float, Shape{-1, c.height, c.width, c.channels}), g.Placeholder("w", Float, kernel)
				// Graph.Conv2D has no stride if the kernel has one pixel; models of other programs have it.
				convolved := g.one("Conv2D", attributes{"strides": ints(1, c.stride, c.stride, 1), "padding": padding}, g.Mul(x, g.Scalar(2)), w)
				y := g.Square(g.Relu(convolved))
				by := func() (n int) {
					for _, op := range g.g.Operations() {
						if strides, _ := op.Attr("strides"); op.Type() == "Conv2DBackpropInput" && strides.([]int64)[1] == 1 {
							n++
						}
					}
					return n
				}
				got := g.Grad(y, x, w)
				if folded, want := by(), map[bool]int{true: 1}[c.channels <= fewChannels]; folded != want {
					t.Errorf("%d gradients without a stride, want %d", folded, want)
				}
				plain := backward{g.In("plain"), g}.builtin(y, Tensor{}, []Tensor{x, w})
				before := by()
				g.Grad(y, w)
				mustHold(t, g)
				if by() != before {
					t.Error("the kernel's gradient alone goes back to the image")
				}
				s, err := g.NewSession(Config{})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				out, err := s.Run(t.Context(), []Feed{
					{x, FromFloat32s(image, wave(image.Elements(), 1))}, {w, FromFloat32s(kernel, wave(kernel.Elements(), 2))},
				}, append(got, plain...))
				if err != nil {
					t.Fatal(err)
				}
				for i, name := range []string{"x", "w"} {
					sameGradient(t, name, out[i], out[i+2])
				}
			})
		}
	}
}

// A product asked for beside what goes into it, and one tensor asked for twice.
func TestGradOfOneTensorTwice(t *testing.T) {
	g := New()
	x, w := g.Placeholder("x", Float, Shape{1, 1}), g.Placeholder("w", Float, Shape{1, 1})
	p := g.MatMul(x, w)
	got := g.Grad(g.Square(p), p, x, x, w, p)
	mustHold(t, g)
	s, err := g.NewSession(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out, err := s.Run(context.Background(), []Feed{{x, FromFloat32s(Shape{1, 1}, []float32{2})}, {w, FromFloat32s(Shape{1, 1}, []float32{3})}}, got)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float32{12, 36, 36, 24, 12} { // 2p, 2pw, 2pw, 2px, 2p
		if v := out[i].Float32s()[0]; v != want {
			t.Errorf("gradient %d is %g, want %g", i, v, want)
		}
	}
}

// A network of three products learns the same by gradients of either kind, 100
// steps long: rounding does not pile up.
func TestGradTrainsAlike(t *testing.T) {
	ours := descent(t, (*Graph).Grad)
	theirs := descent(t, func(g *Graph, y Tensor, xs ...Tensor) []Tensor {
		return backward{g.In("plain"), g}.builtin(y, Tensor{}, xs)
	})
	for i := range ours {
		if math.Abs(ours[i]-theirs[i]) > 1e-5*theirs[i] {
			t.Fatalf("step %d: loss %g, want %g", i, ours[i], theirs[i])
		}
	}
	if first, last := ours[0], ours[len(ours)-1]; last > first/2 {
		t.Errorf("nothing is learned: the loss goes from %g to %g", first, last)
	}
}

// descent is the loss in each of 100 steps of gradient descent.
func descent(t *testing.T, gradients func(g *Graph, y Tensor, xs ...Tensor) []Tensor) (losses []float64) {
	t.Helper()
	const images, classes = 8, 3
	sizes := []int{40, 32, 16, classes}
	g := New()
	out := g.Const(FromFloat32s(Shape{images, sizes[0]}, wave(images*sizes[0], 1)))
	labels := make([]float32, images*classes)
	for i := range images {
		labels[i*classes+i%classes] = 1
	}
	var weights []*Variable
	var values []Tensor
	for i, n := range sizes[1:] {
		if i > 0 {
			out = g.Relu(out)
		}
		shape := Shape{sizes[i], n}
		start := wave(shape.Elements(), float64(i))
		for k := range start {
			start[k] /= float32(math.Sqrt(float64(sizes[i])))
		}
		w := g.Variable(fmt.Sprintf("w%d", i), shape, true, func(g *Graph) Tensor { return g.Const(FromFloat32s(shape, start)) })
		weights, values = append(weights, w), append(values, w.Value)
		out = g.MatMul(out, w.Value)
	}
	loss := g.Mean(g.CrossEntropy(out, g.Const(FromFloat32s(Shape{images, classes}, labels))), false, 0)
	var init, step []Op
	for i, d := range gradients(g, loss, values...) {
		init = append(init, weights[i].Init)
		step = append(step, g.AssignSub(weights[i].Handle, g.Mul(d, g.Scalar(0.2)), loss.Op()))
	}
	mustHold(t, g)
	s, err := g.NewSession(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Run(t.Context(), nil, nil, init...); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		v, err := s.Run(t.Context(), nil, []Tensor{loss}, step...)
		if err != nil {
			t.Fatal(err)
		}
		losses = append(losses, float64(v[0].Float32()))
	}
	return losses
}

// transposedSeconds counts the products of which the second factor alone is
// transposed, as in dy Wᵀ.
func transposedSeconds(g *Graph) (n int) {
	for _, op := range g.g.Operations() {
		if op.Type() != "MatMul" {
			continue
		}
		a, _ := op.Attr("transpose_a")
		if b, _ := op.Attr("transpose_b"); b == true && a == false {
			n++
		}
	}
	return n
}

func wave(n int, phase float64) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(math.Sin(1.7*float64(i) + phase))
	}
	return values
}
