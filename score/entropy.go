package score

import (
	"context"
	"math"

	"oscar/explain"
)

// Entropy says over how many pixels a map is spread (complexity of Bhatt et al.
// 2020, arXiv:2005.00631): with p = |map| / sum |map|,
//
//	H = - sum p ln p
//
// 0 if one pixel holds all, ln d if all d are equal. A map of zeros is Empty.
func Entropy(g explain.Grid) Value {
	weights, sum, status := magnitudes(g)
	if status != explain.OK {
		return unjudged(status)
	}
	h := 0.0
	for _, w := range weights {
		if p := w / sum; p > 0 {
			h -= p * math.Log(p)
		}
	}
	return judged(max(h, 0)) // not below by rounding
}

// judgeEntropy gives "entropy" of the maps at the size of the image.
func judgeEntropy(_ context.Context, s Sample) (Values, error) {
	if err := s.check("entropy", 0); err != nil {
		return nil, err
	}
	return Values{"entropy": s.each(func(i int) Value { return Entropy(s.heat(i)) })}, nil
}
