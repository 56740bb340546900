package tfmodel

import "oscar/internal/graph"

// ReLU is max(0, x).
type ReLU struct{}

func (*ReLU) Kind() string                                  { return "relu" }
func (*ReLU) OutShape(in Shape) (Shape, error)              { return in, nil }
func (*ReLU) Params(Shape) []Param                          { return nil }
func (*ReLU) Apply(b *Builder, x graph.Tensor) graph.Tensor { return b.Relu(x) }

// isActivation reports whether a layer is an elementwise nonlinearity: what
// follows a convolution is looked at together with it.
func isActivation(l Layer) bool {
	_, ok := l.(*ReLU)
	return ok
}
