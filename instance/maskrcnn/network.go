package maskrcnn

import (
	"math"

	"oscar/tfmodel"
)

// network adds the parts of a detector to a graph, in training or in inference mode.
type network struct {
	parts
	*tfmodel.Builder
}

// in returns the network in a scope below.
func (n network) in(scope string) network {
	b := *n.Builder
	b.Graph = n.Graph.In(scope)
	return network{n.parts, &b}
}

// stack applies a stack and returns the last output. What it notes in the builder is kept.
func (n network) stack(s tfmodel.Stack, x tfmodel.Tensor) tfmodel.Tensor {
	out := s.Apply(n.Builder, x)
	return out[len(out)-1]
}

// pyramid returns the outputs of the backbone's layers and the levels of the pyramid.
func (n network) pyramid(image tfmodel.Tensor) (layers, levels []tfmodel.Tensor) {
	layers = n.backbone.Apply(n.Builder, image)
	return layers, n.pyramidOf(func(i int) tfmodel.Tensor { return layers[n.taps[i]] })
}

// pyramidOf returns the levels of the pyramid over the taps.
func (n network) pyramidOf(tap func(i int) tfmodel.Tensor) []tfmodel.Tensor {
	levels := make([]tfmodel.Tensor, len(n.levels))
	var above tfmodel.Tensor
	for i := len(levels) - 1; i >= 0; i-- {
		merged := n.stack(n.lateral[i], tap(i))
		if above.Valid() && n.Pyramid.TopDown {
			merged = n.Add(merged, n.Enlarge(above, 2))
		}
		above = merged
		levels[i] = n.stack(n.smooth[i], merged)
	}
	return levels
}

// candidates returns, for every anchor of each level, the logit of an object and the shifts:
// [N,A] and [N,A,4].
func (n network) candidates(levels []tfmodel.Tensor) (logits, shifts []tfmodel.Tensor) {
	for i, level := range levels {
		x := n.stack(n.region, level)
		anchors := n.levels[i].height * n.levels[i].width * len(n.Anchors.Ratios)
		logits = append(logits, n.Reshape(n.stack(n.objects, x), tfmodel.Shape{-1, anchors}))
		shifts = append(shifts, n.Reshape(n.stack(n.shifts, x), tfmodel.Shape{-1, anchors, 4}))
	}
	return logits, shifts
}

// proposals returns the regions that most likely hold an object [N,kept,4], and 1 for each
// valid one [N,kept]: the best candidates of each level after non-maximum suppression.
func (n network) proposals(logits, shifts []tfmodel.Tensor, candidates, kept int) (boxes, counts tfmodel.Tensor) {
	var allBoxes, allScores []tfmodel.Tensor
	total := 0
	for i, anchors := range n.anchors() {
		k := min(candidates, len(anchors))
		total += k
		flat := make([]float32, 0, 4*len(anchors))
		for _, a := range anchors {
			flat = append(flat, a[:]...)
		}
		scores, best := n.TopK(n.StopGradient(logits[i]), k)
		where := n.Const(tfmodel.Floats(tfmodel.Shape{1, len(anchors), 4}, flat))
		decoded := decode(n.Graph, n.spread(where, logits[i]), n.StopGradient(shifts[i]), plainWeights)
		b := clip(n.Graph, n.Gather(decoded, best), n.Input)
		exists := n.Cast(large(n.Graph, b, 1e-3), tfmodel.Float)
		keep := suppress(n.Graph, b, exists, n.Regions.IoU)
		allBoxes = append(allBoxes, b)
		allScores = append(allScores, n.Select(n.Greater(keep, n.Scalar(0.5)), scores, n.Scalar(-math.MaxFloat32)))
	}
	scores, best := n.TopK(n.join(1, allScores), min(kept, total))
	counts = n.Cast(n.Greater(scores, n.Scalar(-math.MaxFloat32/2)), tfmodel.Float)
	return n.StopGradient(n.Gather(n.join(1, allBoxes), best)), n.StopGradient(counts)
}

// join is Concat, also of one tensor.
func (n network) join(axis int, parts []tfmodel.Tensor) tfmodel.Tensor {
	if len(parts) == 1 {
		return parts[0]
	}
	return n.Concat(axis, parts...)
}

// spread repeats x [1,A,4] for each image of a batch [N,A].
func (n network) spread(x, batch tfmodel.Tensor) tfmodel.Tensor {
	zero := n.ZerosLike(batch)
	return n.Add(n.Reshape(zero, append(open(batch.Shape()), 1)), x)
}

// cut returns the cells [N*R,size,size,C] of regions [N,R,4], each out of the level for its size.
func (n network) cut(levels []tfmodel.Tensor, regions tfmodel.Tensor, size int) tfmodel.Tensor {
	var sum tfmodel.Tensor
	x1, y1, x2, y2 := corners(n.Graph, regions)
	area := n.Mul(n.Sub(x2, x1), n.Sub(y2, y1))
	last := len(levels) - 1
	for i, level := range levels {
		keep := n.Select(n.Less(area, n.Scalar(-1)), n.Scalar(0), n.Scalar(1))
		if i > 0 {
			keep = n.Mul(keep, n.Cast(n.GreaterEqual(area, n.Scalar(n.areaOf(i-last))), tfmodel.Float))
		}
		if i < last {
			keep = n.Mul(keep, n.Cast(n.Less(area, n.Scalar(n.areaOf(i+1-last))), tfmodel.Float))
		}
		cells := roiAlign(n.Graph, level, regions, keep, n.levels[i].stride, size)
		if sum.Valid() {
			cells = n.Add(sum, cells)
		}
		sum = cells
	}
	return n.Reshape(sum, tfmodel.Shape{-1, size, size, n.Pyramid.Filters})
}

// areaOf is the minimum area for a level, counted from the coarsest, which is 0.
func (p parts) areaOf(level int) float32 {
	side := math.Ldexp(p.Pyramid.Canonical, level)
	return float32(side * side)
}

// named returns the logits [N*R,1+classes] of cells, the first of background, and the corrections
// [N*R,classes,4] of the boxes.
func (n network) named(cells tfmodel.Tensor) (logits, corrections tfmodel.Tensor) {
	x := n.stack(n.box, cells)
	return n.stack(n.names, x), n.Reshape(n.stack(n.corrections, x), tfmodel.Shape{-1, n.Classes, 4})
}

// drawn returns the mask logits [N*R,side,side,classes] of cells.
func (n network) drawn(cells tfmodel.Tensor) tfmodel.Tensor {
	x := n.stack(n.mask, cells)
	x = n.Relu(n.DepthToSpace(n.stack(n.enlarge, x), 2))
	return n.stack(n.draw, x)
}
