package tfmodel

import (
	"math"

	"oscar/internal/graph"
)

// The backward pass of the gradcam signature is written out layer by layer,
// although TensorFlow could add it: its gradient operations (ReluGrad,
// MaxPoolGrad, FusedBatchNormGradV3, BroadcastGradientArgs) have no counterpart
// in ONNX, TFLite or OpenVINO, and a model with them could not be converted.
// Forward operations alone can. They are TensorFlow's own gradients, which the
// tests hold against them.

// backward adds d logits[target] / d the output of layer i, or of the image if
// i is -1, in terms of operations that every converter knows.
func (n *Network) backward(g *graph.Graph, target graph.Tensor, i int) graph.Tensor {
	dy := g.OneHot(target, n.Logits.Shape()[1])
	dx, err := n.walk(g.In("gradients"), plainGradient(), dy, i)
	g.Fail(err)
	return dx
}

func (l *Conv2D) Backward(b *Builder, x, _, dy graph.Tensor) graph.Tensor {
	return l.transposed(b, x, b.Param("kernel"), dy)
}

func (l *Dense) Backward(b *Builder, x, _, dy graph.Tensor) graph.Tensor {
	return l.transposed(b, x, b.Param("kernel"), dy)
}

func (*Flatten) Backward(b *Builder, x, _, dy graph.Tensor) graph.Tensor {
	return b.Reshape(dy, append(graph.Shape{-1}, x.Shape()[1:]...))
}

func (*ReLU) Backward(b *Builder, _, y, dy graph.Tensor) graph.Tensor {
	return b.Select(b.Greater(y, b.Scalar(0)), dy, b.Scalar(0))
}

func (*Dropout) Backward(_ *Builder, _, _, dy graph.Tensor) graph.Tensor { return dy }

func (l *BatchNormalization) Backward(b *Builder, _, _, dy graph.Tensor) graph.Tensor {
	return b.Mul(dy, l.scale(b))
}

func (*GlobalAveragePool2D) Backward(b *Builder, x, _, dy graph.Tensor) graph.Tensor {
	s := x.Shape()
	share := b.Fill(graph.Shape{1, s[1], s[2], 1}, 1/float32(s[1]*s[2]))
	return b.Mul(b.Reshape(dy, graph.Shape{-1, 1, 1, s[3]}), share)
}

// Backward gives each window's gradient to its largest value, the first of
// them in row-major order, as TensorFlow does.
func (l *MaxPool2D) Backward(b *Builder, x, y, dy graph.Tensor) graph.Tensor {
	w := newWindows(x, y, l.Size, l.Stride, l.Padding)
	x = w.pad(b, x, -math.MaxFloat32)
	zero := b.Scalar(0)
	left := dy // what no earlier position of the window has taken
	return w.scatter(b, func(i, j int) graph.Tensor {
		largest := b.Equal(w.at(b, x, i, j), y)
		taken := b.Select(largest, left, zero)
		left = b.Select(largest, zero, left)
		return taken
	})
}

// Backward spreads each window's gradient evenly over what of it lies within
// the image.
func (l *AveragePool2D) Backward(b *Builder, x, y, dy graph.Tensor) graph.Tensor {
	w := newWindows(x, y, l.Size, l.Stride, l.Padding)
	shares := make([]float32, w.rows.n*w.columns.n)
	for r := range w.rows.n {
		for c := range w.columns.n {
			shares[r*w.columns.n+c] = 1 / float32(w.rows.within(r)*w.columns.within(c))
		}
	}
	share := b.Mul(dy, b.Const(graph.FromFloat32s(graph.Shape{1, w.rows.n, w.columns.n, 1}, shares)))
	return w.scatter(b, func(int, int) graph.Tensor { return share })
}

// windows are the places of a square window that moves over an image.
type windows struct {
	size, stride  int
	rows, columns span
}

// span is one axis of windows: n of them, over length positions with padding
// before and after.
type span struct {
	n, length, before, after int
	size, stride             int
}

func newWindows(x, y graph.Tensor, size, stride int, p Padding) windows {
	axis := func(d int) span {
		s := span{n: y.Shape()[d], length: x.Shape()[d], size: size, stride: stride}
		if missing := (s.n-1)*stride + size - s.length; missing > 0 && p == Same {
			s.before, s.after = missing/2, missing-missing/2
		}
		return s
	}
	return windows{size, stride, axis(1), axis(2)}
}

// within counts the positions of window k that are not padding.
func (s span) within(k int) int {
	start := k*s.stride - s.before
	return min(start+s.size, s.length) - max(start, 0)
}

// steps is how many strides it takes to have room for every window and for the
// whole image.
func (s span) steps() int {
	up := func(a int) int { return (a + s.stride - 1) / s.stride }
	return max(s.n+up(s.size)-1, up(s.before+s.length))
}

// pad surrounds an image with value where windows reach beyond it.
func (w windows) pad(b *Builder, x graph.Tensor, value float32) graph.Tensor {
	if w.rows.before+w.rows.after+w.columns.before+w.columns.after == 0 {
		return x
	}
	return b.Pad(x, value, [2]int{}, [2]int{w.rows.before, w.rows.after}, [2]int{w.columns.before, w.columns.after}, [2]int{})
}

// at returns position (i,j) of every window of a padded image: [N,rows,columns,C].
func (w windows) at(b *Builder, x graph.Tensor, i, j int) graph.Tensor {
	return b.Window(x, i, j, w.rows.n, w.columns.n, w.stride)
}

// scatter adds part(i,j), [N,rows,columns,C], to position (i,j) of every
// window, for all positions in row-major order, and returns the image.
//
// Positions that lie a multiple of the stride apart fall on the same pixels of
// every stride x stride cell: their parts are shifted by whole cells and added,
// and the sums woven together.
func (w windows) scatter(b *Builder, part func(i, j int) graph.Tensor) graph.Tensor {
	height, width := w.rows.steps(), w.columns.steps()
	cell := make([]graph.Tensor, w.stride*w.stride)
	for i := range w.size {
		for j := range w.size {
			down, right := i/w.stride, j/w.stride
			shifted := b.Pad(part(i, j), 0, [2]int{},
				[2]int{down, height - w.rows.n - down}, [2]int{right, width - w.columns.n - right}, [2]int{})
			c := &cell[i%w.stride*w.stride+j%w.stride]
			if c.Valid() {
				shifted = b.Add(*c, shifted)
			}
			*c = shifted
		}
	}
	for i, c := range cell { // a stride wider than the window passes pixels over
		if !c.Valid() {
			cell[i] = b.ZerosLike(cell[0])
		}
	}
	image := cell[0]
	if w.stride > 1 {
		image = b.DepthToSpace(b.Concat(3, cell...), w.stride)
	}
	return b.Window(image, w.rows.before, w.columns.before, w.rows.length, w.columns.length, 1)
}
