package maskrcnn

import (
	"oscar/tfmodel"
)

// Losses are the five losses of a step, and the number of positive regions.
type Losses struct {
	Object, Shift     float64 // of anchors
	Class, Correction float64 // of regions
	Mask              float64
	Positives         float64 // regions per image
}

// Sum returns the training loss.
func (l Losses) Sum() float64 { return l.Object + l.Shift + l.Class + l.Correction + l.Mask }

// allAxes returns all axes of a tensor.
func allAxes(x tfmodel.Tensor) []int {
	axes := make([]int, len(x.Shape()))
	for i := range axes {
		axes[i] = i
	}
	return axes
}

func total(g *tfmodel.Graph, x tfmodel.Tensor) tfmodel.Tensor {
	return g.Sum(x, false, allAxes(x)...)
}

// binaryLoss returns the elementwise cross-entropy of logits and labels.
func binaryLoss(g *tfmodel.Graph, logits, labels tfmodel.Tensor) tfmodel.Tensor {
	return g.Sub(g.Softplus(logits), g.Mul(logits, labels))
}

// smoothL1 returns 4.5 d^2 for |d| < 1/9, else |d| - 1/18, where d = a - b (Girshick 2015, equation
// 3, with torchvision's beta).
func smoothL1(g *tfmodel.Graph, a, b tfmodel.Tensor) tfmodel.Tensor {
	const beta = 1.0 / 9
	d := g.Abs(g.Sub(a, b))
	return g.Select(g.Less(d, g.Scalar(beta)), g.Mul(g.Square(d), g.Scalar(0.5/beta)), g.Sub(d, g.Scalar(0.5*beta)))
}

// anchorLosses returns the losses of logits [N,S] and shifts [N,S,4] of sampled anchors.
func anchorLosses(g *tfmodel.Graph, logits, shifts, labels, wanted, weights tfmodel.Tensor) (object, shift tfmodel.Tensor) {
	count := total(g, weights)
	object = g.DivNoNan(total(g, g.Mul(weights, binaryLoss(g, logits, labels))), count)
	each := g.Mul(smoothL1(g, shifts, wanted), g.Reshape(labels, append(withoutBatch(labels.Shape()), 1)))
	return object, g.DivNoNan(total(g, each), count)
}

// regionLosses returns the losses of logits [M,1+C] and corrections [M,C,4] of sampled regions.
// class [M] is 0 for background; only other regions have a correction loss.
func regionLosses(g *tfmodel.Graph, logits, corrections, class, wanted, weights tfmodel.Tensor) (name, correction tfmodel.Tensor) {
	classes := corrections.Shape()[1]
	count := total(g, weights)
	hot := g.OneHot(class, classes+1)
	name = g.DivNoNan(total(g, g.Mul(weights, g.CrossEntropy(logits, hot))), count)
	// The four corrections of each region's own class; zeros for background.
	own := g.Sum(g.Mul(corrections, g.Reshape(ofClass(g, class, classes), tfmodel.Shape{-1, classes, 1})), false, 1)
	object := g.Mul(weights, g.Cast(g.Greater(class, g.Int(0)), tfmodel.Float))
	each := g.Mul(smoothL1(g, own, wanted), g.Reshape(object, tfmodel.Shape{-1, 1}))
	return name, g.DivNoNan(total(g, each), count)
}

// ofClass returns one-hot rows [M,C] of classes [M] that count from 1. Background (0) has a row of
// zeros.
func ofClass(g *tfmodel.Graph, class tfmodel.Tensor, classes int) tfmodel.Tensor {
	return g.OneHot(g.Sub(class, g.Int(1)), classes)
}

// maskLoss returns the loss of the mask logits [M,S,S,C] of regions, at each region's class.
func maskLoss(g *tfmodel.Graph, logits, class, wanted, weights tfmodel.Tensor) tfmodel.Tensor {
	s := logits.Shape()
	own := g.Sum(g.Mul(logits, g.Reshape(ofClass(g, class, s[3]), tfmodel.Shape{-1, 1, 1, s[3]})), false, 3)
	each := g.Mean(binaryLoss(g, own, wanted), false, 1, 2)
	return g.DivNoNan(total(g, g.Mul(weights, each)), total(g, weights))
}

// Plus returns l + factor * o.
func (l Losses) Plus(o Losses, factor float64) Losses {
	return Losses{
		l.Object + factor*o.Object, l.Shift + factor*o.Shift, l.Class + factor*o.Class,
		l.Correction + factor*o.Correction, l.Mask + factor*o.Mask, l.Positives + factor*o.Positives,
	}
}
