package graph

import (
	"math"
	"os"
	"syscall"
	"testing"
)

// oneDNN is TensorFlow's variable for the kernels of oneDNN, which it uses by default on some processors
// only. This package is tested with them on all.
const oneDNN = "TF_ENABLE_ONEDNN_OPTS"

func TestMain(m *testing.M) {
	// TensorFlow reads the variable while it is loaded.
	if _, set := os.LookupEnv(oneDNN); !set {
		if program, err := os.Executable(); err == nil {
			syscall.Exec(program, os.Args, append(os.Environ(), oneDNN+"=1"))
		}
	}
	os.Exit(m.Run())
}

// kernelGradient is the gradient of sum(y²)/2 with respect to a convolution's kernel, and y, by
// definition. x is [n,side,side,c], kernel [k,k,c,f]; a depthwise kernel [k,k,c,1] has f = c.
func kernelGradient(x, kernel []float32, n, side, k, c, f, stride int, same, depthwise bool) []float64 {
	out, before := (side-k)/stride+1, 0
	if same {
		out = (side + stride - 1) / stride
		before = max((out-1)*stride+k-side, 0) / 2
	}
	// visit calls use with the indices of each product of y[at].
	visit := func(use func(at, pixel, weight int)) {
		for b := range n {
			for i := range out * out * f {
				row, column, filter := i/(out*f), i/f%out, i%f
				for j := range k * k * c {
					p, q, channel := j/(k*c), j/c%k, j%c
					r, s := row*stride+p-before, column*stride+q-before
					if r < 0 || r >= side || s < 0 || s >= side || depthwise && channel != filter {
						continue
					}
					weight := j*f + filter
					if depthwise {
						weight = j
					}
					use(b*out*out*f+i, ((b*side+r)*side+s)*c+channel, weight)
				}
			}
		}
	}
	y, gradient := make([]float64, n*out*out*f), make([]float64, len(kernel))
	visit(func(at, pixel, weight int) { y[at] += float64(x[pixel]) * float64(kernel[weight]) })
	visit(func(at, pixel, weight int) { gradient[weight] += y[at] * float64(x[pixel]) })
	return gradient
}

// The gradients of kernels are right with the kernels of this processor.
func TestGradOfConvolutionKernels(t *testing.T) {
	const n = 2
	for _, padding := range []string{"SAME", "VALID"} {
		for _, side := range []int{8, 11} {
			for _, channels := range [][2]int{{1, 3}, {3, 4}, {4, 6}, {8, 16}} {
				for k := 1; k <= 4; k++ {
					for stride := 1; stride <= 3; stride++ {
						for _, depthwise := range []bool{false, true} {
							c, f := channels[0], channels[1]
							shape := Shape{k, k, c, f}
							if depthwise {
								f, shape = c, Shape{k, k, c, 1}
							}
							g := New()
							x, w := g.Placeholder("x", Float, Shape{n, side, side, c}), g.Placeholder("w", Float, shape)
							y := g.Conv2D(x, w, stride, padding)
							if depthwise {
								y = g.DepthwiseConv2D(x, w, stride, padding)
							}
							dw := g.Grad(g.Square(y), w)
							mustHold(t, g)
							images, kernel := wave(n*side*side*c, 1), wave(shape.Elements(), 2)
							want := kernelGradient(images, kernel, n, side, k, c, f, stride, padding == "SAME", depthwise)
							s := open(t, g)
							out, err := s.Run(t.Context(), []Feed{{x, FromFloat32s(x.Shape(), images)}, {w, FromFloat32s(shape, kernel)}}, dw)
							if err != nil {
								t.Fatal(err)
							}
							s.Close()
							largest, apart := 0.0, 0.0
							for i, v := range out[0].Float32s() {
								largest, apart = max(largest, 2*math.Abs(want[i])), max(apart, math.Abs(float64(v)-2*want[i]))
							}
							if !(apart <= 1e-5*largest) || largest == 0 {
								t.Errorf("%s, side %d, kernel %v, stride %d, depthwise %t: %g apart, of %g at most", padding, side, shape, stride, depthwise, apart, largest)
							}
						}
					}
				}
			}
		}
	}
}
