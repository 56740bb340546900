package tfmodel

// HardSwish is x relu6(x + 3) / 6, a piecewise approximation of [Swish] (Howard et al. 2019,
// arXiv:1905.02244, section 5.2).
type HardSwish struct{}

func (*HardSwish) Kind() string                      { return "hard_swish" }
func (*HardSwish) OutShape(in Shape) (Shape, error)  { return in, nil }
func (*HardSwish) Params(Shape) []Param              { return nil }
func (*HardSwish) Apply(b *Builder, x Tensor) Tensor { return b.Mul(x, hardSigmoid(b, x)) }

// hardSigmoid returns relu6(x + 3) / 6.
func hardSigmoid(b *Builder, x Tensor) Tensor {
	return b.Mul(b.Relu6(b.Add(x, b.Scalar(3))), b.Scalar(1./6))
}

// hardSigmoidSlope returns the derivative of hardSigmoid, given its value s: 1/6 for 0 < s < 1, else
// 0.
func hardSigmoidSlope(b *Builder, s Tensor) Tensor {
	zero := b.Scalar(0)
	return b.Select(b.Greater(s, zero), b.Select(b.Less(s, b.Scalar(1)), b.Scalar(1./6), zero), zero)
}

func (*HardSwish) Backward(b *Builder, x, _, dy Tensor) Tensor {
	s := hardSigmoid(b, x)
	return b.Mul(dy, b.Add(s, b.Mul(x, hardSigmoidSlope(b, s))))
}

func (*HardSwish) Traits() Traits { return Traits{LRP: Pass{}, Activation: true, KeepsSign: true} }
