package graph

import (
	"slices"

	tf "github.com/wamuir/graft/tensorflow"
)

// strided is a Conv2D with a stride s >= 2 on an image with few channels. TensorFlow takes four
// times as long for its gradient with respect to the image as for the gradient of an equal
// convolution without a stride, on the image folded s x s into channels. This is one axis, with s =
// 2, a kernel of 3 and SAME padding of one pixel on each side:
//
//	image          . a b c d e .        padding is .
//	windows        [. a b]              output 0
//	                   [b c d]          output 1
//	                       [d e .]      output 2
//
//	folded image   |. a|b c|d e|. 0|    a cell has s pixels, as channels
//	folded kernel  |k l|m 0|            of ceil(3 / s) = 2 cells, padded with zeros
//	folded windows [. a|b c]            stride 1, VALID padding: 3 outputs + 2 - 1 = 4 cells
//	                   [b c|d e]
//	                       [d e|. 0]
//
// The gradient is computed on the folded image, unfolded, and cropped to the image's pixels.
type strided struct {
	stride        int
	image         Shape // height, width, channels
	kernel        Shape // height, width, channels, outputs
	rows, columns foldedAxis
}

// foldedAxis is one axis of a folded image.
type foldedAxis struct {
	before int // pixels of padding before the image
	kernel int // size of the folded kernel, in cells
	cells  int // size of the folded image, in cells
}

// fewChannels is the maximum number of channels for which folding is faster.
const fewChannels = 4

// stridedOf reports whether an operation is such a convolution with known shapes, and returns its
// sizes.
func stridedOf(op *tf.Operation) (c strided, ok bool) {
	if op.Type() != "Conv2D" {
		return c, false
	}
	attr := func(name string) any {
		v, err := op.Attr(name)
		if err != nil {
			return nil
		}
		return v
	}
	strides, _ := attr("strides").([]int64)
	dilations, _ := attr("dilations").([]int64)
	padding, _ := attr("padding").(string)
	in, kernel, out := Op{op}.input(0).Shape(), Op{op}.input(1).Shape(), Op{op}.Output(0).Shape()
	switch {
	case attr("data_format") != "NHWC", padding != "SAME" && padding != "VALID",
		len(strides) != 4 || strides[1] != strides[2] || strides[1] < 2,
		slices.ContainsFunc(dilations, func(d int64) bool { return d != 1 }),
		len(in) != 4 || len(kernel) != 4 || len(out) != 4,
		slices.Min(slices.Concat(in[1:], kernel, out[1:])) < 1,
		in[3] != kernel[2] || in[3] > fewChannels:
		return c, false
	}
	c.stride, c.image, c.kernel = int(strides[1]), in[1:], kernel
	c.rows, c.columns = foldAxis(in[1], kernel[0], out[1], c.stride, padding), foldAxis(in[2], kernel[1], out[2], c.stride, padding)
	return c, true
}

// foldAxis returns the folded axis for sizes of image, kernel and output in pixels.
func foldAxis(image, kernel, out, stride int, padding string) foldedAxis {
	a := foldedAxis{kernel: (kernel + stride - 1) / stride}
	a.cells = out + a.kernel - 1
	if padding == "SAME" {
		a.before = max((out-1)*stride+kernel-image, 0) / 2
	}
	return a
}

// imageGradient returns the gradient with respect to the image. w is the kernel, dy the
// gradient with respect to the convolution's output.
func (b backward) imageGradient(c strided, w, dy Tensor) Tensor {
	s, channels, outputs := c.stride, c.image[2], c.kernel[3]
	padded := b.Pad(w, 0, [2]int{0, c.rows.kernel*s - c.kernel[0]}, [2]int{0, c.columns.kernel*s - c.kernel[1]}, [2]int{}, [2]int{})
	cells := b.Reshape(padded, Shape{c.rows.kernel, s, c.columns.kernel, s, channels, outputs})
	kernel := b.Reshape(b.one("Transpose", nil, cells, b.Ints(0, 2, 1, 3, 4, 5)), Shape{c.rows.kernel, c.columns.kernel, s * s * channels, outputs})

	batch := b.one("Slice", nil, b.ShapeOf(dy), b.Ints(0), b.Ints(1))
	shape := b.Concat(0, batch, b.Ints(c.rows.cells, c.columns.cells, s*s*channels))
	folded := b.Conv2DGradient(shape, kernel, dy, 1, "VALID")

	strips := b.Reshape(folded, Shape{-1, c.columns.cells, s, s * channels}) // a row of cells each
	image := b.Reshape(b.one("Transpose", nil, strips, b.Ints(0, 2, 1, 3)), Shape{-1, c.rows.cells * s, c.columns.cells * s, channels})
	below := max(0, c.rows.before+c.image[0]-c.rows.cells*s) // pixels that no window reaches
	right := max(0, c.columns.before+c.image[1]-c.columns.cells*s)
	if below+right > 0 {
		image = b.Pad(image, 0, [2]int{}, [2]int{0, below}, [2]int{0, right}, [2]int{})
	}
	return b.Window(image, c.rows.before, c.columns.before, c.image[0], c.image[1], 1)
}
