package maskrcnn

import (
	"math"

	"oscar/tfmodel"
)

// network adds the parts of a detector to a graph, for training or for inference.
type network struct {
	parts
	*tfmodel.Builder
}

// in returns the network in a scope of the graph.
func (n network) in(scope string) network {
	b := *n.Builder
	b.Graph = n.Graph.In(scope)
	return network{n.parts, &b}
}

// stack applies a stack and returns its last output. The builder records the variables.
func (n network) stack(s tfmodel.Stack, x tfmodel.Tensor) tfmodel.Tensor {
	out := s.Apply(n.Builder, x)
	return out[len(out)-1]
}

// pyramid returns the outputs of the backbone's layers and of the pyramid's levels.
func (n network) pyramid(image tfmodel.Tensor) (layers, levels []tfmodel.Tensor) {
	layers = n.backbone.Apply(n.Builder, image)
	return layers, n.pyramidOf(func(i int) tfmodel.Tensor { return layers[n.taps[i]] })
}

// pyramidOf returns the levels of the pyramid. tap returns the backbone's output for level i.
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

// candidates returns the objectness logits [N,A] and box shifts [N,A,4] of all anchors, for each
// level.
func (n network) candidates(levels []tfmodel.Tensor) (logits, shifts []tfmodel.Tensor) {
	for i, level := range levels {
		x := n.stack(n.region, level)
		anchors := n.levels[i].height * n.levels[i].width * len(n.Anchors.Ratios)
		logits = append(logits, n.Reshape(n.stack(n.objects, x), tfmodel.Shape{-1, anchors}))
		shifts = append(shifts, n.Reshape(n.stack(n.shifts, x), tfmodel.Shape{-1, anchors, 4}))
	}
	return logits, shifts
}

// proposals returns the regions [N,kept,4] with the highest objectness, and 1 for each valid one
// [N,kept]. They are the best candidates of each level after non-maximum suppression.
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
		decoded := decode(n.Graph, n.repeat(where, logits[i]), n.StopGradient(shifts[i]), plainWeights)
		b := clip(n.Graph, n.Gather(decoded, best), n.Input)
		exists := n.Cast(largeEnough(n.Graph, b, 1e-3), tfmodel.Float)
		keep := suppress(n.Graph, b, exists, n.Regions.IoU)
		allBoxes = append(allBoxes, b)
		allScores = append(allScores, n.Select(n.Greater(keep, n.Scalar(0.5)), scores, n.Scalar(-math.MaxFloat32)))
	}
	scores, best := n.TopK(n.join(1, allScores), min(kept, total))
	counts = n.Cast(n.Greater(scores, n.Scalar(-math.MaxFloat32/2)), tfmodel.Float)
	return n.StopGradient(n.Gather(n.join(1, allBoxes), best)), n.StopGradient(counts)
}

// join is Concat that also accepts a single tensor.
func (n network) join(axis int, parts []tfmodel.Tensor) tfmodel.Tensor {
	if len(parts) == 1 {
		return parts[0]
	}
	return n.Concat(axis, parts...)
}

// repeat repeats x [1,A,4] for each image of batch [N,A].
func (n network) repeat(x, batch tfmodel.Tensor) tfmodel.Tensor {
	zero := n.ZerosLike(batch)
	return n.Add(n.Reshape(zero, append(withoutBatch(batch.Shape()), 1)), x)
}

// poolRegions pools regions [N,R,4] to cells [N*R,size,size,C], each from the level for its size.
func (n network) poolRegions(levels []tfmodel.Tensor, regions tfmodel.Tensor, size int) tfmodel.Tensor {
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

// areaOf returns the minimum area of a region for a level, in square pixels. The coarsest level is
// 0, finer levels are negative.
func (p parts) areaOf(level int) float32 {
	side := math.Ldexp(p.Pyramid.Canonical, level)
	return float32(side * side)
}

// classify returns the logits [N*R,1+classes] of cells, where column 0 is background, and the box
// corrections [N*R,classes,4].
func (n network) classify(cells tfmodel.Tensor) (logits, corrections tfmodel.Tensor) {
	x := n.stack(n.box, cells)
	return n.stack(n.names, x), n.Reshape(n.stack(n.corrections, x), tfmodel.Shape{-1, n.Classes, 4})
}

// maskLogits returns the mask logits [N*R,side,side,classes] of cells.
func (n network) maskLogits(cells tfmodel.Tensor) tfmodel.Tensor {
	x := n.stack(n.mask, cells)
	x = n.Relu(n.DepthToSpace(n.stack(n.enlarge, x), 2))
	return n.stack(n.draw, x)
}
