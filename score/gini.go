package score

import (
	"context"
	"math"
	"slices"

	"oscar/explain"
)

// Gini says how few pixels hold how much of a map (Chalasani et al. 2020,
// arXiv:1810.06583): with |map| in ascending order w_1..w_d,
//
//	G = sum_k (2k - d - 1) w_k / (d sum w)
//
// 0 if all are equal, towards 1 if one pixel holds all. A map of zeros is
// Empty.
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

// magnitudes are the absolute values and their sum.
func magnitudes(g explain.Grid) (weights []float64, sum float64, status explain.Status) {
	if status := weighable(g); status != explain.OK {
		return nil, 0, status
	}
	weights = make([]float64, len(g.Values))
	for i, v := range g.Values {
		weights[i] = math.Abs(float64(v))
		sum += weights[i]
	}
	return weights, sum, explain.OK
}

// judgeGini gives "gini" of the maps at the size of the image, where maps of
// every resolution are alike.
func judgeGini(_ context.Context, s Sample) (Values, error) {
	if err := s.check("gini", 0); err != nil {
		return nil, err
	}
	return Values{"gini": s.each(func(i int) Value { return Gini(s.heat(i)) })}, nil
}
