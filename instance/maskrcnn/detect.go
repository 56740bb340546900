package maskrcnn

import (
	"oscar/internal/graph"
	"oscar/tfmodel"
)

// found are the detections of each image, the highest score first. Unused entries have score 0.
type found struct {
	boxes   tfmodel.Tensor // [N,D,4]
	classes tfmodel.Tensor // int64 [N,D], from 0
	scores  tfmodel.Tensor // [N,D]
	masks   tfmodel.Tensor // [N,D,side,side], 0..1

	proposed proposed
}

// proposed are the regions of each image before the last non-maximum suppression.
type proposed struct {
	boxes  tfmodel.Tensor // [N,R,C,4], corrected for each class
	probs  tfmodel.Tensor // [N,R,C], without background
	counts tfmodel.Tensor // [N,R], 1: valid
}

// detect adds the detections of the pyramid's levels to the graph.
func (n network) detect(levels []tfmodel.Tensor) found {
	r := n.Regions
	logits, shifts := n.candidates(levels)
	regions, counts := n.proposals(logits, shifts, r.TestCandidates, r.TestProposals)
	names, corrections := n.classify(n.poolRegions(levels, regions, n.BoxSize))
	f := n.choose(regions, counts, names, corrections)
	f.masks = n.masks(levels, f)
	f.proposed = proposed{
		boxes: n.corrected(regions, corrections), counts: counts,
		probs: n.Reshape(n.ofClasses(n.Softmax(names)), tfmodel.Shape{-1, regions.Shape()[1], n.Classes}),
	}
	return f
}

// corrected returns the boxes [N,R,C,4] of regions [N,R,4], corrected for each class.
func (n network) corrected(regions, corrections tfmodel.Tensor) tfmodel.Tensor {
	k, c := regions.Shape()[1], n.Classes
	wide := n.Add(n.Reshape(n.ZerosLike(corrections), tfmodel.Shape{-1, k, c, 4}), n.Reshape(regions, tfmodel.Shape{-1, k, 1, 4}))
	return clip(n.Graph, decode(n.Graph, wide, n.Reshape(corrections, tfmodel.Shape{-1, k, c, 4}), headWeights), n.Input)
}

// choose selects detections among regions [N,R,4] by the logits and corrections of the box head.
// Each class has its own corrections and its own non-maximum suppression.
func (n network) choose(regions, counts, logits, corrections tfmodel.Tensor) found {
	r, k, c := n.Regions, regions.Shape()[1], n.Classes
	boxes := n.Reshape(n.Permute(n.corrected(regions, corrections), 0, 2, 1, 3), tfmodel.Shape{-1, k, 4}) // [N*C,R,4]
	scores := n.Permute(n.Reshape(n.ofClasses(n.Softmax(logits)), tfmodel.Shape{-1, k, c}), 0, 2, 1)
	exists := n.Mul(n.Reshape(counts, tfmodel.Shape{-1, 1, k}), n.Cast(n.Greater(scores, n.Scalar(float32(r.DetectionScore))), graph.Float))
	exists = n.Mul(n.Reshape(exists, tfmodel.Shape{-1, k}), n.Cast(largeEnough(n.Graph, boxes, 1e-2), graph.Float))
	none := n.Scalar(0)
	scores, order := n.TopK(n.Select(n.Greater(exists, n.Scalar(0.5)), n.Reshape(scores, tfmodel.Shape{-1, k}), none), k)
	boxes = n.Gather(boxes, order)
	keep := suppress(n.Graph, boxes, n.Cast(n.Greater(scores, none), graph.Float), r.DetectionIoU)
	scores = n.Mul(scores, keep)
	d := min(r.Detections, c*k)
	best, at := n.TopK(n.Reshape(scores, tfmodel.Shape{-1, c * k}), d)
	real := n.Cast(n.Greater(best, none), graph.Float)
	f := found{scores: best, classes: n.Cast(n.FloorDiv(at, n.Int(k)), graph.Int64)}
	f.boxes = n.Mul(n.Gather(n.Reshape(boxes, tfmodel.Shape{-1, c * k, 4}), at), n.Reshape(real, tfmodel.Shape{-1, d, 1}))
	return f
}

// masks returns the mask of each detection for its class.
func (n network) masks(levels []tfmodel.Tensor, f found) tfmodel.Tensor {
	d, side := f.boxes.Shape()[1], n.maskSide()
	logits := n.maskLogits(n.poolRegions(levels, f.boxes, n.MaskSize))
	hot := n.OneHot(n.Reshape(f.classes, tfmodel.Shape{-1}), n.Classes)
	own := n.Sum(n.Mul(logits, n.Reshape(hot, tfmodel.Shape{-1, 1, 1, n.Classes})), false, 3)
	return n.Reshape(n.Sigmoid(own), tfmodel.Shape{-1, d, side, side})
}

// ofClasses removes the background column.
func (n network) ofClasses(x tfmodel.Tensor) tfmodel.Tensor {
	columns := make([]int32, n.Classes)
	for i := range columns {
		columns[i] = int32(i + 1)
	}
	return n.Take(x, n.Const(graph.FromInt32s(tfmodel.Shape{n.Classes}, columns)))
}
