package tfmodel

import "fmt"

// Dense is a fully connected layer with bias: [n] -> [units].
type Dense struct {
	Units       int         `json:"units"`
	Initializer Initializer `json:"initializer,omitempty"`
	L2          float64     `json:"l2,omitempty"` // adds L2 * sum(w^2) over the kernel to the loss
}

func (*Dense) Kind() string { return "dense" }

func (l *Dense) OutShape(in Shape) (Shape, error) {
	if err := checkKernel(l.Initializer, l.L2); err != nil {
		return nil, err
	}
	switch {
	case l.Units < 1:
		return nil, fmt.Errorf("units is %d, want at least 1", l.Units)
	case len(in) != 1:
		return nil, fmt.Errorf("input is %v, want [n]: put a flatten or global_average_pool2d before it", in)
	}
	return Shape{l.Units}, nil
}

func (l *Dense) Params(in Shape) []Param {
	return []Param{
		kernel(l.Initializer, l.L2, in[0], l.Units),
		{Role: "bias", Shape: Shape{l.Units}, Init: Zeros, Trainable: true},
	}
}

func (l *Dense) Apply(b *Builder, x Tensor) Tensor {
	return b.BiasAdd(l.Product(b, x, b.Param("kernel")), b.Param("bias"))
}

func (l *Dense) Backward(b *Builder, x, _, dy Tensor) Tensor {
	return l.Transposed(b, x, b.Param("kernel"), dy)
}

func (*Dense) Product(b *Builder, x, kernel Tensor) Tensor { return b.MatMul(x, kernel) }

// Transposed transposes dy and the product instead of the kernel, because a converter would store a
// transposed kernel as a second copy.
func (*Dense) Transposed(b *Builder, _, kernel, dy Tensor) Tensor {
	return b.Transpose(b.MatMulTransposed(kernel, dy))
}

func (*Dense) Traits() Traits { return Traits{LRP: Epsilon{stabilizer}} }
