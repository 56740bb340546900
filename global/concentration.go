package global

import "slices"

// concentration is the Gini coefficient of values w >= 0, ascending:
//
//	sum_k (2k - d - 1) w_k / (d sum w)
//
// 0 of zeros.
func concentration(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	d, total, weighted := float64(len(sorted)), 0.0, 0.0
	for k, w := range sorted {
		total += w
		weighted += (2*float64(k+1) - d - 1) * w
	}
	return ratio(weighted, d*total)
}
