package graph

import (
	"slices"

	tf "github.com/wamuir/graft/tensorflow"
)

// strided is a Conv2D with a stride on an image of few channels. Its gradient with
// respect to the image takes TensorFlow four times as long as that of the same
// convolution without a stride, on the image folded stride x stride into channels.
type strided struct {
	stride       int
	image        Shape // height, width, channels
	kernel       Shape
	rows, across folding
}

// folding is one side of a folded image.
type folding struct {
	before int // padding there, in pixels
	window int // side of the kernel, in strides
	places int // side of the image, in strides
}

// fewChannels is what an image has at most.
const fewChannels = 4

// stridedOf tells such a convolution; of others, and where shapes are not known,
// it is false.
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
	c.rows, c.across = fold(in[1], kernel[0], out[1], c.stride, padding), fold(in[2], kernel[1], out[2], c.stride, padding)
	return c, true
}

func fold(side, kernel, out, stride int, padding string) folding {
	f := folding{window: (kernel + stride - 1) / stride}
	f.places = out + f.window - 1
	if padding == "SAME" {
		f.before = max((out-1)*stride+kernel-side, 0) / 2
	}
	return f
}

// imageGradient is the gradient with respect to the image, dy that with respect to
// the result.
func (b backward) imageGradient(c strided, w, dy Tensor) Tensor {
	s, channels, out := c.stride, c.image[2], c.kernel[3]
	wide := b.Pad(w, 0, [2]int{0, c.rows.window*s - c.kernel[0]}, [2]int{0, c.across.window*s - c.kernel[1]}, [2]int{}, [2]int{})
	apart := b.Reshape(wide, Shape{c.rows.window, s, c.across.window, s, channels, out})
	folded := b.Reshape(b.one("Transpose", nil, apart, b.Ints(0, 2, 1, 3, 4, 5)), Shape{c.rows.window, c.across.window, s * s * channels, out})

	images := b.one("Slice", nil, b.ShapeOf(dy), b.Ints(0), b.Ints(1))
	shape := b.Concat(0, images, b.Ints(c.rows.places, c.across.places, s*s*channels))
	dx := b.Conv2DGradient(shape, folded, dy, 1, "VALID")

	strips := b.Reshape(dx, Shape{-1, c.across.places, s, s * channels}) // a strip is s rows high
	image := b.Reshape(b.one("Transpose", nil, strips, b.Ints(0, 2, 1, 3)), Shape{-1, c.rows.places * s, c.across.places * s, channels})
	below := max(0, c.rows.before+c.image[0]-c.rows.places*s) // what no place of the kernel reaches
	right := max(0, c.across.before+c.image[1]-c.across.places*s)
	if below+right > 0 {
		image = b.Pad(image, 0, [2]int{}, [2]int{0, below}, [2]int{0, right}, [2]int{})
	}
	return b.Window(image, c.rows.before, c.across.before, c.image[0], c.image[1], 1)
}
