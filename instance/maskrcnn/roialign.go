package maskrcnn

import "oscar/tfmodel"

// roiAlign pools regions [N,R,4] of features [N,H,W,C] with the given stride to [N,R,size,size,C].
// It is aligned RoIAlign (He et al. 2017, section 3) with two samples per cell and direction. It
// computes Wy F Wx', where a row of Wy has the weights of two bilinear samples. If keep [N,R] is
// valid, region i is multiplied by keep[i].
func roiAlign(g *tfmodel.Graph, features, regions, keep tfmodel.Tensor, stride float64, size int) tfmodel.Tensor {
	s, r := features.Shape(), regions.Shape()[1]
	x1, y1, x2, y2 := corners(g, regions)
	rows := samplingWeights(g, y1, y2, keep, stride, size, s[1])
	columns := samplingWeights(g, x1, x2, tfmodel.Tensor{}, stride, size, s[2])
	half := g.BatchMatMul(g.Reshape(rows, tfmodel.Shape{-1, r * size, s[1]}), g.Reshape(features, tfmodel.Shape{-1, s[1], s[2] * s[3]}))
	half = g.Reshape(half, tfmodel.Shape{-1, r, size, s[2], s[3]})
	return g.BatchMatMul(g.Reshape(columns, tfmodel.Shape{-1, r, 1, size, s[2]}), half)
}

// cropMasks crops regions [N,R,4] from masks [N,R,H,W], a mask for each region. The result is
// [N,R,size,size].
func cropMasks(g *tfmodel.Graph, masks, regions tfmodel.Tensor, size int) tfmodel.Tensor {
	s := masks.Shape()
	x1, y1, x2, y2 := corners(g, regions)
	rows := samplingWeights(g, y1, y2, tfmodel.Tensor{}, 1, size, s[2])
	columns := samplingWeights(g, x1, x2, tfmodel.Tensor{}, 1, size, s[3])
	return g.BatchMatMul(g.BatchMatMul(rows, masks), g.Permute(columns, 0, 1, 3, 2))
}

// samples is the number of samples per cell and direction.
const samples = 2

// samplingWeights returns the weights [N,R,size,n] of n pixels for the cells between low and high [N,R].
func samplingWeights(g *tfmodel.Graph, low, high, keep tfmodel.Tensor, stride float64, size, n int) tfmodel.Tensor {
	r := low.Shape()[1]
	at := make([]float32, samples*size)
	for i := range at {
		at[i] = (float32(i) + 0.5) / float32(len(at))
	}
	pixels := make([]float32, n)
	for i := range pixels {
		pixels[i] = float32(i)
	}
	wide := func(x tfmodel.Tensor) tfmodel.Tensor {
		return g.Reshape(g.Mul(x, g.Scalar(float32(1/stride))), tfmodel.Shape{-1, r, 1})
	}
	start := wide(low)
	center := g.Add(start, g.Mul(g.Sub(wide(high), start), g.Const(tfmodel.Floats(tfmodel.Shape{1, 1, len(at)}, at))))
	center = g.Minimum(g.Maximum(g.Sub(center, g.Scalar(0.5)), g.Scalar(0)), g.Scalar(float32(n-1)))
	distance := g.Abs(g.Sub(g.Reshape(center, tfmodel.Shape{-1, r, len(at), 1}), g.Const(tfmodel.Floats(tfmodel.Shape{1, 1, 1, n}, pixels))))
	hats := g.Relu(g.Sub(g.Scalar(1), distance))
	weights := g.Mean(g.Reshape(hats, tfmodel.Shape{-1, r, size, samples, n}), false, 3)
	if keep.Valid() {
		weights = g.Mul(weights, g.Reshape(keep, tfmodel.Shape{-1, r, 1, 1}))
	}
	return weights
}
