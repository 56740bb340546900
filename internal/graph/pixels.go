package graph

// Div returns x / y.
func (g *Graph) Div(x, y Tensor) Tensor { return g.one("RealDiv", nil, x, y) }

// Permute changes the order of the dimensions.
func (g *Graph) Permute(x Tensor, axes ...int) Tensor {
	return g.one("Transpose", nil, x, g.Ints(axes...))
}

// Reverse reverses axes.
func (g *Graph) Reverse(x Tensor, axes ...int) Tensor {
	return g.one("ReverseV2", nil, x, g.Ints(axes...))
}

// Round returns the nearest integer. If two are equally near, it is the even one.
func (g *Graph) Round(x Tensor) Tensor { return g.one("Round", nil, x) }

// Sigmoid returns 1 / (1 + exp(-x)).
func (g *Graph) Sigmoid(x Tensor) Tensor { return g.one("Sigmoid", nil, x) }

// Neg returns -x.
func (g *Graph) Neg(x Tensor) Tensor { return g.one("Neg", nil, x) }
