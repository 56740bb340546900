package graph

import (
	"fmt"
	"math"
	"testing"
)

// Gradients through layers of 16 bits are those of 32 bits, but for rounding: of strided
// convolutions of images and of products, whose gradients are oscar's own.
func TestGradIn16Bits(t *testing.T) {
	type layer struct {
		name  string
		build func(g *Graph, x, w Tensor) Tensor
		x, w  Shape
		terms int // of the longest sum
	}
	var layers []layer
	for _, padding := range []string{"SAME", "VALID"} {
		for _, c := range []struct{ side, kernel, stride, channels int }{{11, 3, 2, 3}, {12, 5, 4, 1}, {10, 2, 3, 3}, {7, 1, 2, 3}, {8, 3, 2, 5}, {9, 3, 1, 3}} {
			const filters = 4
			outputs := (c.side + c.stride - 1) / c.stride
			terms := max(c.kernel*c.kernel*max(c.channels, filters), 2*outputs*outputs)
			layers = append(layers, layer{fmt.Sprintf("convolution %s %+v", padding, c), func(g *Graph, x, w Tensor) Tensor {
				return g.Conv2D(x, w, c.stride, padding)
			}, Shape{2, c.side, c.side, c.channels}, Shape{c.kernel, c.kernel, c.channels, filters}, terms})
		}
	}
	layers = append(layers, layer{"product", func(g *Graph, x, w Tensor) Tensor { return g.MatMul(x, w) }, Shape{3, 4}, Shape{4, 5}, 5})
	for _, l := range layers {
		for dtype, rounding := range map[DType]float64{Bfloat16: 0x1p-8, Half: 0x1p-11} {
			t.Run(fmt.Sprintf("%s of type %d", l.name, dtype), func(t *testing.T) {
				g := New()
				x, w := g.Placeholder("x", Float, l.x), g.Placeholder("w", Float, l.w)
				wide := g.Grad(g.Square(l.build(g, x, w)), x, w)
				narrow := g.Grad(g.Cast(g.Square(l.build(g, g.Cast(x, dtype), g.Cast(w, dtype))), Float), x, w)
				mustHold(t, g)
				s, err := g.NewSession(Config{})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				out, err := s.Run(t.Context(), []Feed{
					{x, FromFloat32s(l.x, wave(l.x.Elements(), 1))}, {w, FromFloat32s(l.w, wave(l.w.Elements(), 2))},
				}, append(wide, narrow...))
				if err != nil {
					t.Fatal(err)
				}
				for i, name := range []string{"x", "w"} {
					largest, apart := 0.0, 0.0
					got := out[i+2].Float32s()
					for k, v := range out[i].Float32s() {
						largest, apart = max(largest, math.Abs(float64(v))), max(apart, math.Abs(float64(v-got[k])))
					}
					// Kernels may round after each term of a sum; such errors grow like a random walk.
					if !(apart <= (4+math.Sqrt(float64(l.terms)))*rounding*largest) || largest == 0 {
						t.Errorf("d/d%s: %g apart, of %g at most", name, apart, largest)
					}
				}
			})
		}
	}
}
