package tfmodel

// Swish is x sigmoid(x) (Ramachandran et al. 2017, arXiv:1710.05941), also called SiLU.
type Swish struct{}

func (*Swish) Kind() string                      { return "swish" }
func (*Swish) OutShape(in Shape) (Shape, error)  { return in, nil }
func (*Swish) Params(Shape) []Param              { return nil }
func (*Swish) Apply(b *Builder, x Tensor) Tensor { return b.Mul(x, b.Sigmoid(x)) }

// Backward returns dy (s + y (1 - s)) with s = sigmoid(x).
func (*Swish) Backward(b *Builder, x, y, dy Tensor) Tensor {
	s := b.Sigmoid(x)
	return b.Mul(dy, b.Add(s, b.Mul(y, b.Sub(b.Scalar(1), s))))
}

func (*Swish) Traits() Traits { return Traits{LRP: Pass{}, Activation: true, KeepsSign: true} }
