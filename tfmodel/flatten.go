package tfmodel

// Flatten reshapes each example to a vector: [H,W,C] -> [H*W*C].
type Flatten struct{}

func (*Flatten) Kind() string                     { return "flatten" }
func (*Flatten) OutShape(in Shape) (Shape, error) { return Shape{in.Elements()}, nil }
func (*Flatten) Params(Shape) []Param             { return nil }

func (*Flatten) Apply(b *Builder, x Tensor) Tensor {
	return b.Reshape(x, Shape{-1, x.Shape()[1:].Elements()})
}

func (*Flatten) Backward(b *Builder, x, _, dy Tensor) Tensor {
	return b.Reshape(dy, append(Shape{-1}, x.Shape()[1:]...))
}

func (*Flatten) Traits() Traits { return Traits{LRP: Gradient{}, Rearranges: true, InPlace: true} }
