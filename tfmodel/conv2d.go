package tfmodel

import "fmt"

// Conv2D is a two-dimensional convolution: [H,W,C] -> [H',W',Filters]. A following activation is a
// separate layer.
type Conv2D struct {
	Filters     int         `json:"filters"`
	Kernel      int         `json:"kernel"` // side of the square window
	Stride      int         `json:"stride"`
	Padding     Padding     `json:"padding"`
	UseBias     *bool       `json:"use_bias,omitempty"` // nil: true; use false before batch normalization, which removes a bias
	Initializer Initializer `json:"initializer,omitempty"`
	L2          float64     `json:"l2,omitempty"` // adds L2 * sum(w^2) over the kernel to the loss
}

func (*Conv2D) Kind() string { return "conv2d" }

func (l *Conv2D) hasBias() bool { return l.UseBias == nil || *l.UseBias }

// normalize writes a default always in the same way, so that equal layers have equal JSON.
func (l *Conv2D) normalize() {
	if l.hasBias() {
		l.UseBias = nil
	}
}

func (l *Conv2D) OutShape(in Shape) (Shape, error) {
	if l.Filters < 1 {
		return nil, fmt.Errorf("filters is %d, want at least 1", l.Filters)
	}
	if err := checkKernel(l.Initializer, l.L2); err != nil {
		return nil, err
	}
	h, w, err := windowed(in, "kernel", l.Kernel, l.Stride, l.Padding)
	if err != nil {
		return nil, err
	}
	return Shape{h, w, l.Filters}, nil
}

func (l *Conv2D) Params(in Shape) []Param {
	params := []Param{kernel(l.Initializer, l.L2, l.Kernel, l.Kernel, in[2], l.Filters)}
	if l.hasBias() {
		params = append(params, Param{Role: "bias", Shape: Shape{l.Filters}, Init: Zeros, Trainable: true})
	}
	return params
}

func (l *Conv2D) Apply(b *Builder, x Tensor) Tensor {
	y := l.Product(b, x, b.Param("kernel"))
	if l.hasBias() {
		y = b.BiasAdd(y, b.Param("bias"))
	}
	return y
}

func (l *Conv2D) Backward(b *Builder, x, _, dy Tensor) Tensor {
	return l.Transposed(b, x, b.Param("kernel"), dy)
}

func (l *Conv2D) Product(b *Builder, x, kernel Tensor) Tensor {
	return b.Conv2D(x, kernel, l.Stride, string(l.Padding))
}

func (l *Conv2D) Transposed(b *Builder, x, kernel, dy Tensor) Tensor {
	return b.Conv2DGradient(b.ShapeOf(x), kernel, dy, l.Stride, string(l.Padding))
}

func (*Conv2D) Traits() Traits { return Traits{LRP: Epsilon{stabilizer}, Focus: true} }
