package tfmodel

// ReLU is max(0, x).
type ReLU struct{}

func (*ReLU) Kind() string                      { return "relu" }
func (*ReLU) OutShape(in Shape) (Shape, error)  { return in, nil }
func (*ReLU) Params(Shape) []Param              { return nil }
func (*ReLU) Apply(b *Builder, x Tensor) Tensor { return b.Relu(x) }

func (*ReLU) Backward(b *Builder, _, y, dy Tensor) Tensor {
	return b.Select(b.Greater(y, b.Scalar(0)), dy, b.Scalar(0))
}

func (*ReLU) Traits() Traits {
	return Traits{LRP: Pass{}, Activation: true, NonNegative: true, InPlace: true}
}
