package graph

// Operations that detectors need. The C library's gradients are right (detection_test.go), except
// for TopK and StopGradient, which have none.

func (g *Graph) Maximum(x, y Tensor) Tensor   { return g.one("Maximum", nil, x, y) }
func (g *Graph) Exp(x Tensor) Tensor          { return g.one("Exp", nil, x) }
func (g *Graph) Log(x Tensor) Tensor          { return g.one("Log", nil, x) }
func (g *Graph) Softplus(x Tensor) Tensor     { return g.one("Softplus", nil, x) }
func (g *Graph) And(x, y Tensor) Tensor       { return g.one("LogicalAnd", nil, x, y) }
func (g *Graph) StopGradient(x Tensor) Tensor { return g.one("StopGradient", nil, x) }

// TopK returns the k largest entries of the last axis, largest first, and their int32
// indices. Of equal entries the one with the lower index comes first.
func (g *Graph) TopK(x Tensor, k int) (values, indices Tensor) {
	op := g.add("TopKV2", "", nil, x, g.Int(k))
	return op.Output(0), op.Output(1)
}

// Gather selects entries of axis 1 for each entry of axis 0: x[b, indices[b, ...], ...].
func (g *Graph) Gather(x, indices Tensor) Tensor {
	return g.one("GatherV2", attributes{"batch_dims": int64(1)}, x, indices, g.Int(1))
}

// BatchMatMul multiplies the matrices in the last two axes. The other axes are broadcast.
func (g *Graph) BatchMatMul(x, y Tensor) Tensor { return g.one("BatchMatMulV2", nil, x, y) }

// Split divides an axis into parts of equal size.
func (g *Graph) Split(x Tensor, axis, parts int) []Tensor {
	op := g.add("Split", "", attributes{"num_split": int64(parts)}, g.Int(axis), x)
	out := make([]Tensor, parts)
	for i := range out {
		out[i] = op.Output(i)
	}
	return out
}

// Enlarge repeats each pixel of [N,h,w,C] factor times in both directions.
func (g *Graph) Enlarge(x Tensor, factor int) Tensor {
	s := x.Shape()
	if len(s) != 4 {
		return Tensor{}
	}
	return g.one("ResizeNearestNeighbor", attributes{"half_pixel_centers": true}, x, g.Ints(s[1]*factor, s[2]*factor))
}

// Take selects entries of axis 1, the same for each entry of axis 0.
func (g *Graph) Take(x, indices Tensor) Tensor {
	return g.one("GatherV2", attributes{"batch_dims": int64(0)}, x, indices, g.Int(1))
}

// FloorDiv divides integers and rounds down.
func (g *Graph) FloorDiv(x, y Tensor) Tensor { return g.one("FloorDiv", nil, x, y) }
