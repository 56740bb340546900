package graph

import (
	"context"
	"testing"

	"oscar/internal/machine"
)

// The gradients of AlexNet02's layers for a batch of 32, as TensorFlow takes them
// and in other ways: design 12 says which are used, and on which processor they
// were measured.

func BenchmarkProductGradient(b *testing.B) {
	for _, l := range []struct {
		name    string
		in, out int
	}{{"fc1", 9216, 4096}, {"fc2", 4096, 4096}} {
		race(b, l.name+"/input", []contestant{
			{"tensorflow", func(g *Graph) Tensor {
				return g.MatMulTransposed(g.noise(32, l.out), g.noise(l.in, l.out))
			}},
			{"by_rows", func(g *Graph) Tensor {
				return backward{g, g}.leftGradient(g.noise(l.in, l.out), g.noise(32, l.out))
			}},
		})
		race(b, l.name+"/kernel", []contestant{
			{"tensorflow", func(g *Graph) Tensor {
				return g.one("MatMul", attributes{"transpose_a": true}, g.noise(32, l.in), g.noise(32, l.out))
			}},
			{"transposed_before", func(g *Graph) Tensor {
				return g.MatMul(g.Transpose(g.noise(32, l.in)), g.noise(32, l.out))
			}},
		})
	}
}

func BenchmarkConvolutionGradient(b *testing.B) {
	for _, l := range []struct {
		name                  string
		side, kernel, in, out int
	}{{"conv2", 27, 5, 96, 256}, {"conv5", 13, 3, 256, 256}} {
		image := func(g *Graph, channels int) Tensor { return g.noise(32, l.side, l.side, channels) }
		kernel := func(g *Graph) Tensor { return g.noise(l.kernel, l.kernel, l.in, l.out) }
		race(b, l.name+"/input", []contestant{
			{"tensorflow", func(g *Graph) Tensor {
				return g.Conv2DGradient(g.Ints(32, l.side, l.side, l.in), kernel(g), image(g, l.out), 1, "SAME")
			}},
			{"channels_first", func(g *Graph) Tensor {
				return g.one("Conv2DBackpropInput", channelsFirst, g.Ints(32, l.in, l.side, l.side), kernel(g), g.noise(32, l.out, l.side, l.side))
			}},
			{"flipped_kernel", func(g *Graph) Tensor {
				flipped := g.one("ReverseV2", nil, kernel(g), g.Ints(0, 1))
				return g.Conv2D(image(g, l.out), g.one("Transpose", nil, flipped, g.Ints(0, 1, 3, 2)), 1, "SAME")
			}},
		})
		race(b, l.name+"/kernel", []contestant{
			{"tensorflow", func(g *Graph) Tensor {
				return g.one("Conv2DBackpropFilter", attributes{"strides": ints(1, 1, 1, 1), "padding": "SAME"},
					image(g, l.in), g.Ints(l.kernel, l.kernel, l.in, l.out), image(g, l.out))
			}},
			{"channels_first", func(g *Graph) Tensor {
				return g.one("Conv2DBackpropFilter", channelsFirst, g.noise(32, l.in, l.side, l.side), g.Ints(l.kernel, l.kernel, l.in, l.out), g.noise(32, l.out, l.side, l.side))
			}},
			{"sum_of_products", func(g *Graph) Tensor { // one product a position of the kernel
				before := l.kernel / 2
				x := g.Pad(image(g, l.in), 0, [2]int{}, [2]int{before, before}, [2]int{before, before}, [2]int{})
				dy := g.Reshape(image(g, l.out), Shape{-1, l.out})
				var rows []Tensor
				for i := range l.kernel {
					for j := range l.kernel {
						seen := g.Reshape(g.Window(x, i, j, l.side, l.side, 1), Shape{-1, l.in})
						rows = append(rows, g.one("MatMul", attributes{"transpose_a": true}, seen, dy))
					}
				}
				return g.Concat(0, rows...)
			}},
		})
	}
}

// BenchmarkStridedGradient is of conv1 with respect to the image, as integrated
// gradients and saliency want it.
func BenchmarkStridedGradient(b *testing.B) {
	const images, side, stride, kernel, places, in, out = 32, 227, 4, 11, 55, 3, 96
	const folded, window = 57, 3 // sides of image and kernel, in strides
	weights := func(g *Graph) Tensor { return g.noise(kernel, kernel, in, out) }
	dy := func(g *Graph) Tensor { return g.noise(images, places, places, out) }
	// The image folded 4x4 into channels has the same convolution without a stride.
	fold := func(g *Graph) Tensor {
		wide := g.Pad(weights(g), 0, [2]int{0, window*stride - kernel}, [2]int{0, window*stride - kernel}, [2]int{}, [2]int{})
		apart := g.Reshape(wide, Shape{window, stride, window, stride, in, out})
		k := g.Reshape(g.one("Transpose", nil, apart, g.Ints(0, 2, 1, 3, 4, 5)), Shape{window, window, stride * stride * in, out})
		return g.Conv2DGradient(g.Ints(images, folded, folded, stride*stride*in), k, dy(g), 1, "VALID")
	}
	cut := func(g *Graph, x Tensor) Tensor {
		return g.one("Slice", nil, x, g.Ints(0, 0, 0, 0), g.Ints(images, side, side, in))
	}
	race(b, "conv1/input", []contestant{
		{"tensorflow", func(g *Graph) Tensor {
			return g.Conv2DGradient(g.Ints(images, side, side, in), weights(g), dy(g), stride, "VALID")
		}},
		{"folded", fold},
		{"folded_depth_to_space", func(g *Graph) Tensor { return cut(g, g.DepthToSpace(fold(g), stride)) }},
		{"folded_transposed", func(g *Graph) Tensor {
			apart := g.Reshape(fold(g), Shape{images, folded, folded, stride, stride * in})
			rows := g.one("Transpose", nil, apart, g.Ints(0, 1, 3, 2, 4))
			return cut(g, g.Reshape(rows, Shape{images, folded * stride, folded * stride, in}))
		}},
	})
}

var channelsFirst = attributes{"strides": ints(1, 1, 1, 1), "padding": "SAME", "data_format": "NCHW"}

// contestant is one way to take a gradient.
type contestant struct {
	name string
	add  func(g *Graph) Tensor
}

// race times each contestant in both precisions, if the processor has them.
func race(b *testing.B, name string, contestants []contestant) {
	for _, p := range []Precision{Float32, BFloat16} {
		if p == BFloat16 && !machine.HasBFloat16() {
			continue
		}
		for _, c := range contestants {
			b.Run(name+"/"+c.name+"/"+p.String(), func(b *testing.B) { measure(b, c, Config{Precision: p}) })
		}
	}
}

// measure times one contestant.
func measure(b *testing.B, c contestant, config Config) {
	ctx := context.Background()
	g := New()
	// Fetched, or it would not be computed; TensorFlow leaves a fetched operation in float32.
	gradient := []Tensor{g.Identity("fetched", c.add(g))}
	s, err := g.NewSession(config)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for _, v := range g.noises() {
		if _, err := s.Run(ctx, nil, nil, v); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if _, err := s.Run(ctx, nil, gradient); err != nil {
			b.Fatal(err)
		}
	}
}

// noise is a variable of normal values: a constant would be folded.
func (g *Graph) noise(shape ...int) Tensor {
	v := g.Variable(g.unique("noise"), shape, true, func(g *Graph) Tensor {
		return g.TruncatedNormal(g.Ints(shape...), g.Const(FromInt64s(Shape{2}, []int64{1, int64(len(g.names))})))
	})
	return v.Value
}

// noises are what gives them their values.
func (g *Graph) noises() (init []Op) {
	for _, op := range g.g.Operations() {
		if op.Type() == "AssignVariableOp" {
			init = append(init, Op{&op})
		}
	}
	return init
}
