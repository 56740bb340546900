package tfmodel

// DepthwiseConv2D convolves each channel with its own window: [H,W,C] -> [H',W',C]. Followed by a
// [Conv2D] of kernel 1, it is a separable convolution.
type DepthwiseConv2D struct {
	Kernel      int         `json:"kernel"` // side of the square window
	Stride      int         `json:"stride"`
	Padding     Padding     `json:"padding"`
	UseBias     *bool       `json:"use_bias,omitempty"` // nil: true, as in Conv2D
	Initializer Initializer `json:"initializer,omitempty"`
	L2          float64     `json:"l2,omitempty"` // of the kernel, as in Conv2D
}

func (*DepthwiseConv2D) Kind() string { return "depthwise_conv2d" }

func (l *DepthwiseConv2D) hasBias() bool { return l.UseBias == nil || *l.UseBias }

// normalize is as in Conv2D.
func (l *DepthwiseConv2D) normalize() {
	if l.hasBias() {
		l.UseBias = nil
	}
}

func (l *DepthwiseConv2D) OutShape(in Shape) (Shape, error) {
	if err := checkKernel(l.Initializer, l.L2); err != nil {
		return nil, err
	}
	h, w, err := windowed(in, "kernel", l.Kernel, l.Stride, l.Padding)
	if err != nil {
		return nil, err
	}
	return Shape{h, w, in[2]}, nil
}

// Params returns a kernel of [height,width,channels,1], as in Keras.
func (l *DepthwiseConv2D) Params(in Shape) []Param {
	params := []Param{kernel(l.Initializer, l.L2, l.Kernel, l.Kernel, in[2], 1)}
	if l.hasBias() {
		params = append(params, Param{Role: "bias", Shape: Shape{in[2]}, Init: Zeros, Trainable: true})
	}
	return params
}

func (l *DepthwiseConv2D) Apply(b *Builder, x Tensor) Tensor {
	y := l.Product(b, x, b.Param("kernel"))
	if l.hasBias() {
		y = b.BiasAdd(y, b.Param("bias"))
	}
	return y
}

func (l *DepthwiseConv2D) Backward(b *Builder, x, y, dy Tensor) Tensor {
	return l.Transposed(b, x, b.Param("kernel"), dy)
}

func (l *DepthwiseConv2D) Product(b *Builder, x, kernel Tensor) Tensor {
	return b.DepthwiseConv2D(x, kernel, l.Stride, string(l.Padding))
}

// Transposed is a convolution of dy with the flipped kernel. With a stride there are zeros between
// the pixels of dy. One axis, with a kernel of 3, a stride of 2 and SAME padding of one pixel on
// each side:
//
//	dy                   A   B   C
//	zeros between        A 0 B 0 C 0       cells of stride pixels
//	padded or cut      0 A 0 B 0 C 0       3 - 1 - 1 before; 5 + 3 - 1 pixels in all
//	windows           [m l k]              dx 0, of a kernel of k l m
//	                    [m l k]            dx 1
func (l *DepthwiseConv2D) Transposed(b *Builder, x, kernel, dy Tensor) Tensor {
	w := newWindows(x, dy, l.Kernel, l.Stride, l.Padding)
	if l.Stride > 1 {
		cell := []Tensor{dy}
		zero := b.ZerosLike(dy)
		for len(cell) < l.Stride*l.Stride {
			cell = append(cell, zero)
		}
		dy = b.DepthToSpace(b.Concat(3, cell...), l.Stride)
	}
	// ends returns the numbers of zero pixels before and after; a negative number means pixels to cut.
	ends := func(s span) (before, after int) {
		return s.size - 1 - s.before, s.length + s.before - s.n*s.stride
	}
	top, bottom := ends(w.rows)
	left, right := ends(w.columns)
	if top+left > 0 || max(bottom, right) > 0 {
		dy = b.Pad(dy, 0, [2]int{}, [2]int{top, max(0, bottom)}, [2]int{left, max(0, right)}, [2]int{})
	}
	if min(bottom, right) < 0 {
		dy = b.Window(dy, 0, 0, w.rows.length+l.Kernel-1, w.columns.length+l.Kernel-1, 1)
	}
	return b.DepthwiseConv2D(dy, b.Reverse(kernel, 0, 1), 1, string(Valid))
}

func (*DepthwiseConv2D) Traits() Traits { return Traits{LRP: Epsilon{stabilizer}, Focus: true} }
