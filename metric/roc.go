package metric

import "math"

// ROC is a receiver operating characteristic: for each threshold, from high to low, the shares of
// negatives and of positives whose score reaches it. It starts at (0, 0) with the threshold +Inf.
type ROC struct {
	Thresholds    []float64
	FalsePositive []float64
	TruePositive  []float64
	AUC           float64 // area under the curve
}

// NewROC returns the curve of scores, as scikit-learn's roc_curve does: a point for each distinct
// score, without points on the straight line between their neighbors. Without positives or without
// negatives there is no curve, and AUC is NaN.
func NewROC(scores []float64, positive []bool) ROC {
	positives := 0
	for _, p := range positive {
		if p {
			positives++
		}
	}
	negatives := len(scores) - positives
	if positives == 0 || negatives == 0 {
		return ROC{AUC: math.NaN()}
	}
	type counts struct {
		threshold    float64
		wrong, right int
	}
	points := []counts{{threshold: math.Inf(1)}}
	order := descending(scores)
	twice := 0 // twice the area, in counts
	for i := 0; i < len(order); {
		before := points[len(points)-1]
		at := before
		at.threshold = scores[order[i]]
		for ; i < len(order) && scores[order[i]] == at.threshold; i++ {
			if positive[order[i]] {
				at.right++
			} else {
				at.wrong++
			}
		}
		twice += (at.wrong - before.wrong) * (at.right + before.right)
		points = append(points, at)
	}
	curve := ROC{AUC: float64(twice) / 2 / float64(positives) / float64(negatives)}
	for i, p := range points {
		if i > 1 && i < len(points)-1 {
			a, b := points[i-1], points[i+1]
			if p.wrong-a.wrong == b.wrong-p.wrong && p.right-a.right == b.right-p.right {
				continue
			}
		}
		curve.Thresholds = append(curve.Thresholds, p.threshold)
		curve.FalsePositive = append(curve.FalsePositive, float64(p.wrong)/float64(negatives))
		curve.TruePositive = append(curve.TruePositive, float64(p.right)/float64(positives))
	}
	return curve
}
