package tfmodel

import (
	"fmt"
	"math"
)

// MaxPool2D takes the largest value of each window and channel.
type MaxPool2D struct {
	Size    int     `json:"size"`
	Stride  int     `json:"stride"`
	Padding Padding `json:"padding"`
}

func (*MaxPool2D) Kind() string                       { return "max_pool2d" }
func (l *MaxPool2D) OutShape(in Shape) (Shape, error) { return pooled(in, l.Size, l.Stride, l.Padding) }
func (*MaxPool2D) Params(Shape) []Param               { return nil }
func (l *MaxPool2D) Apply(b *Builder, x Tensor) Tensor {
	return b.MaxPool(x, l.Size, l.Stride, string(l.Padding))
}

// Backward gives each window's gradient to its largest value. Of equal values it is the first in
// row-major order, as in TensorFlow.
func (l *MaxPool2D) Backward(b *Builder, x, y, dy Tensor) Tensor {
	w := newWindows(x, y, l.Size, l.Stride, l.Padding)
	x = w.pad(b, x, -math.MaxFloat32)
	zero := b.Scalar(0)
	left := dy // gradient of the windows whose largest value was not yet found
	return w.scatter(b, func(i, j int) Tensor {
		largest := b.Equal(w.at(b, x, i, j), y)
		taken := b.Select(largest, left, zero)
		left = b.Select(largest, zero, left)
		return taken
	})
}

func (*MaxPool2D) Traits() Traits {
	return Traits{LRP: Gradient{}, KeepsSign: true, ReadsOutput: true}
}

// AveragePool2D takes the mean of each window and channel. Positions outside the
// image do not count.
type AveragePool2D struct {
	Size    int     `json:"size"`
	Stride  int     `json:"stride"`
	Padding Padding `json:"padding"`
}

func (*AveragePool2D) Kind() string { return "average_pool2d" }
func (l *AveragePool2D) OutShape(in Shape) (Shape, error) {
	return pooled(in, l.Size, l.Stride, l.Padding)
}
func (*AveragePool2D) Params(Shape) []Param { return nil }
func (l *AveragePool2D) Apply(b *Builder, x Tensor) Tensor {
	return b.AvgPool(x, l.Size, l.Stride, string(l.Padding))
}

// Backward shares each window's gradient evenly among its positions within the image.
func (l *AveragePool2D) Backward(b *Builder, x, y, dy Tensor) Tensor {
	w := newWindows(x, y, l.Size, l.Stride, l.Padding)
	shares := make([]float32, w.rows.n*w.columns.n)
	for r := range w.rows.n {
		for c := range w.columns.n {
			shares[r*w.columns.n+c] = 1 / float32(w.rows.within(r)*w.columns.within(c))
		}
	}
	share := b.Mul(dy, b.Const(Floats(Shape{1, w.rows.n, w.columns.n, 1}, shares)))
	return w.scatter(b, func(int, int) Tensor { return share })
}

func (*AveragePool2D) Traits() Traits { return Traits{LRP: Epsilon{stabilizer}, KeepsSign: true} }

func pooled(in Shape, size, stride int, p Padding) (Shape, error) {
	h, w, err := windowed(in, "size", size, stride, p)
	if err != nil {
		return nil, err
	}
	return Shape{h, w, in[2]}, nil
}

// GlobalAveragePool2D takes the mean of each channel: [H,W,C] -> [C].
type GlobalAveragePool2D struct{}

func (*GlobalAveragePool2D) Kind() string { return "global_average_pool2d" }
func (*GlobalAveragePool2D) OutShape(in Shape) (Shape, error) {
	if len(in) != 3 {
		return nil, fmt.Errorf("input is %v, want [height,width,channels]", in)
	}
	return Shape{in[2]}, nil
}
func (*GlobalAveragePool2D) Params(Shape) []Param { return nil }
func (*GlobalAveragePool2D) Apply(b *Builder, x Tensor) Tensor {
	return b.Mean(x, false, 1, 2)
}

func (*GlobalAveragePool2D) Backward(b *Builder, x, _, dy Tensor) Tensor {
	s := x.Shape()
	share := b.Fill(Shape{1, s[1], s[2], 1}, 1/float32(s[1]*s[2]))
	return b.Mul(b.Reshape(dy, Shape{-1, 1, 1, s[3]}), share)
}

func (*GlobalAveragePool2D) Traits() Traits {
	return Traits{LRP: Epsilon{stabilizer}, KeepsSign: true}
}

// windows has the positions of a square window that moves over an image.
type windows struct {
	size, stride  int
	rows, columns span
}

// span is one axis of the windows: n windows over length pixels, with padding before and after.
type span struct {
	n, length, before, after int
	size, stride             int
}

func newWindows(x, y Tensor, size, stride int, p Padding) windows {
	axis := func(d int) span {
		s := span{n: y.Shape()[d], length: x.Shape()[d], size: size, stride: stride}
		if missing := (s.n-1)*stride + size - s.length; missing > 0 && p == Same {
			s.before, s.after = missing/2, missing-missing/2
		}
		return s
	}
	return windows{size, stride, axis(1), axis(2)}
}

// within returns the number of positions of window k that are not padding.
func (s span) within(k int) int {
	start := k*s.stride - s.before
	return min(start+s.size, s.length) - max(start, 0)
}

// strides returns the number of strides that cover every window and the whole image.
func (s span) strides() int {
	up := func(a int) int { return (a + s.stride - 1) / s.stride }
	return max(s.n+up(s.size)-1, up(s.before+s.length))
}

// pad surrounds an image with value where windows extend beyond the border.
func (w windows) pad(b *Builder, x Tensor, value float32) Tensor {
	if w.rows.before+w.rows.after+w.columns.before+w.columns.after == 0 {
		return x
	}
	return b.Pad(x, value, [2]int{}, [2]int{w.rows.before, w.rows.after}, [2]int{w.columns.before, w.columns.after}, [2]int{})
}

// at returns position (i,j) of every window of a padded image: [N,rows,columns,C].
func (w windows) at(b *Builder, x Tensor, i, j int) Tensor {
	return b.Window(x, i, j, w.rows.n, w.columns.n, w.stride)
}

// scatter adds part(i,j), [N,rows,columns,C], to position (i,j) of every window, for
// all positions in row-major order, and returns the image.
//
// The image is a grid of cells of stride x stride pixels. Position (i,j) of all windows is at the
// same pixel of its cell, and so is every position that is a multiple of the stride away. The parts
// of one pixel are shifted by whole cells and added. At the end the pixels are joined:
//
//	stride 2, window 3          cell[0] = part(0,0) + part(0,2), one cell to the right
//	window 0   0 1 2                      + part(2,0), one cell down + part(2,2), both
//	window 1       0 1 2        cell[1] = part(0,1) + part(2,1), one cell down
//	cells     |0 1|0 1|0 1|     cell[2] = part(1,0) + part(1,2); cell[3] = part(1,1)
func (w windows) scatter(b *Builder, part func(i, j int) Tensor) Tensor {
	height, width := w.rows.strides(), w.columns.strides()
	cell := make([]Tensor, w.stride*w.stride)
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
	for i, c := range cell { // a stride larger than the window skips pixels
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
