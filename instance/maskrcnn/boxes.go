package maskrcnn

import (
	"math"

	"oscar/tfmodel"
)

// corners splits boxes [...,4] into coordinates of shape [...].
func corners(g *tfmodel.Graph, boxes tfmodel.Tensor) (x1, y1, x2, y2 tfmodel.Tensor) {
	s := boxes.Shape()
	parts := g.Split(boxes, len(s)-1, 4)
	out := make([]tfmodel.Tensor, 4)
	for i, p := range parts {
		out[i] = g.Reshape(p, withoutBatch(s[:len(s)-1]))
	}
	return out[0], out[1], out[2], out[3]
}

// withoutBatch returns a shape with the first dimension unknown.
func withoutBatch(s tfmodel.Shape) tfmodel.Shape {
	out := append(tfmodel.Shape{}, s...)
	out[0] = -1
	return out
}

// stackBoxes stacks coordinates into boxes [...,4].
func stackBoxes(g *tfmodel.Graph, coordinates ...tfmodel.Tensor) tfmodel.Tensor {
	s := coordinates[0].Shape()
	wide := make([]tfmodel.Tensor, len(coordinates))
	for i, c := range coordinates {
		wide[i] = g.Reshape(c, append(withoutBatch(s), 1))
	}
	return g.Concat(len(s), wide...)
}

// maxLogScale is the maximum logarithm of a predicted scale factor.
var maxLogScale = float32(math.Log(1000.0 / 16))

// headWeights are torchvision's divisors of the box head's corrections.
var headWeights = [4]float32{10, 10, 5, 5}

var plainWeights = [4]float32{1, 1, 1, 1}

// decode moves and scales boxes [...,4] by predicted shifts [...,4].
func decode(g *tfmodel.Graph, boxes, shifts tfmodel.Tensor, weights [4]float32) tfmodel.Tensor {
	x1, y1, x2, y2 := corners(g, boxes)
	dx, dy, dw, dh := corners(g, shifts)
	half := g.Scalar(0.5)
	axis := func(low, high, move, stretch tfmodel.Tensor, a, b float32) (tfmodel.Tensor, tfmodel.Tensor) {
		side := g.Sub(high, low)
		center := g.Add(g.Mul(g.Div(move, g.Scalar(a)), side), g.Add(low, g.Mul(half, side)))
		reach := g.Mul(g.Mul(half, side), g.Exp(g.Minimum(g.Div(stretch, g.Scalar(b)), g.Scalar(maxLogScale))))
		return g.Sub(center, reach), g.Add(center, reach)
	}
	left, right := axis(x1, x2, dx, dw, weights[0], weights[2])
	top, bottom := axis(y1, y2, dy, dh, weights[1], weights[3])
	return stackBoxes(g, left, top, right, bottom)
}

// encodeIn is [encode] in a graph, multiplied by weights. Empty boxes give finite numbers.
func encodeIn(g *tfmodel.Graph, from, to tfmodel.Tensor, weights [4]float32) tfmodel.Tensor {
	x1, y1, x2, y2 := corners(g, from)
	u1, v1, u2, v2 := corners(g, to)
	half, least := g.Scalar(0.5), g.Scalar(1e-3)
	axis := func(low, high, toLow, toHigh tfmodel.Tensor, a, b float32) (move, stretch tfmodel.Tensor) {
		side, toSide := g.Maximum(g.Sub(high, low), least), g.Maximum(g.Sub(toHigh, toLow), least)
		between := g.Sub(g.Add(toLow, g.Mul(half, toSide)), g.Add(low, g.Mul(half, side)))
		return g.Mul(g.Scalar(a), g.Div(between, side)), g.Mul(g.Scalar(b), g.Log(g.Div(toSide, side)))
	}
	dx, dw := axis(x1, x2, u1, u2, weights[0], weights[2])
	dy, dh := axis(y1, y2, v1, v2, weights[1], weights[3])
	return stackBoxes(g, dx, dy, dw, dh)
}

// clip clips boxes to the picture.
func clip(g *tfmodel.Graph, boxes tfmodel.Tensor, input tfmodel.Shape) tfmodel.Tensor {
	x1, y1, x2, y2 := corners(g, boxes)
	within := func(v tfmodel.Tensor, most int) tfmodel.Tensor {
		return g.Minimum(g.Maximum(v, g.Scalar(0)), g.Scalar(float32(most)))
	}
	return stackBoxes(g, within(x1, input[1]), within(y1, input[0]), within(x2, input[1]), within(y2, input[0]))
}

// largeEnough returns whether both sides of each box have at least that many pixels.
func largeEnough(g *tfmodel.Graph, boxes tfmodel.Tensor, least float32) tfmodel.Tensor {
	x1, y1, x2, y2 := corners(g, boxes)
	enough := func(low, high tfmodel.Tensor) tfmodel.Tensor {
		return g.GreaterEqual(g.Sub(high, low), g.Scalar(least))
	}
	return g.And(enough(x1, x2), enough(y1, y2))
}

// pairIoU returns the IoU [N,P,Q] of boxes a [N,P,4] and b [N,Q,4].
func pairIoU(g *tfmodel.Graph, a, b tfmodel.Tensor) tfmodel.Tensor {
	p, q := a.Shape()[1], b.Shape()[1]
	column := func(x tfmodel.Tensor) tfmodel.Tensor { return g.Reshape(x, tfmodel.Shape{-1, p, 1}) }
	row := func(x tfmodel.Tensor) tfmodel.Tensor { return g.Reshape(x, tfmodel.Shape{-1, 1, q}) }
	x1, y1, x2, y2 := corners(g, a)
	u1, v1, u2, v2 := corners(g, b)
	areaA := column(g.Mul(g.Sub(x2, x1), g.Sub(y2, y1)))
	areaB := row(g.Mul(g.Sub(u2, u1), g.Sub(v2, v1)))
	common := func(low, high, otherLow, otherHigh tfmodel.Tensor) tfmodel.Tensor {
		return g.Relu(g.Sub(g.Minimum(column(high), row(otherHigh)), g.Maximum(column(low), row(otherLow))))
	}
	both := g.Mul(common(x1, x2, u1, u2), common(y1, y2, v1, v2))
	return g.DivNoNan(both, g.Sub(g.Add(areaA, areaB), both))
}

// nmsRounds limits the length of chains of boxes that suppress each other.
const nmsRounds = 12

// suppress applies non-maximum suppression to boxes [N,K,4], which are sorted by falling score. It
// returns 1 for each box that is kept, else 0 (Cluster-NMS, Zheng et al. 2020, arXiv:2005.03572).
// counts is 1 for valid boxes and 0 for padding.
//
// A round drops each box that overlaps a better one that the previous round kept. The result is
// equal to greedy suppression if there are as many rounds as boxes in the longest chain.
func suppress(g *tfmodel.Graph, boxes, counts tfmodel.Tensor, iou float64) tfmodel.Tensor {
	k := boxes.Shape()[1]
	better := make([]float32, k*k) // [i,j]: box i has a higher score than box j
	for i := range k {
		for j := i + 1; j < k; j++ {
			better[i*k+j] = 1
		}
	}
	over := g.Cast(g.Greater(pairIoU(g, boxes, boxes), g.Scalar(float32(iou))), tfmodel.Float)
	hides := g.Mul(over, g.Const(tfmodel.Floats(tfmodel.Shape{1, k, k}, better)))
	kept := counts
	for range nmsRounds {
		hidden := g.Max(g.Mul(hides, g.Reshape(kept, tfmodel.Shape{-1, k, 1})), false, 1)
		kept = g.Mul(counts, g.Sub(g.Scalar(1), hidden))
	}
	return kept
}
