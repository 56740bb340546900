package score

import (
	"context"
	"math"
	"slices"

	"oscar/explain"
)

// Gini is the concentration of a map (Chalasani et al. 2020, arXiv:1810.06583).
// With |map| in ascending order w_1..w_d,
//
//	G = sum_k (2k - d - 1) w_k / (d sum w)
//
// 0 if all values are equal, near 1 if all weight is on one pixel. A map of zeros is Empty.
func Gini(g explain.Grid) Value {
	weights, sum, status := magnitudes(g)
	if status != explain.OK {
		return unjudged(status)
	}
	slices.Sort(weights)
	d := float64(len(weights))
	total := 0.0
	for k, w := range weights {
		total += (2*float64(k+1) - d - 1) * w
	}
	return judged(total / (d * sum))
}

// Entropy measures how much a map is spread over pixels (complexity of Bhatt et al. 2020,
// arXiv:2005.00631). With p = |map| / sum |map|,
//
//	H = - sum p ln p
//
// 0 if all weight is on one pixel, ln d if all d are equal. A map of zeros is Empty.
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
	return judged(max(h, 0)) // rounding can give less than 0
}

// magnitudes returns the absolute values and their sum.
func magnitudes(g explain.Grid) (weights []float64, sum float64, status explain.Status) {
	if status := nonZero(g); status != explain.OK {
		return nil, 0, status
	}
	weights = make([]float64, len(g.Values))
	for i, v := range g.Values {
		weights[i] = math.Abs(float64(v))
		sum += weights[i]
	}
	return weights, sum, explain.OK
}

// judgeMap computes a metric that needs only maps. It uses the image's size, at which maps of
// different resolutions are comparable.
func judgeMap(metric string, value func(explain.Grid) Value) judge {
	return func(_ context.Context, s Sample) (Values, error) {
		if err := s.check(metric, 0); err != nil {
			return nil, err
		}
		return Values{metric: s.each(func(i int) Value { return value(s.heat(i)) })}, nil
	}
}
