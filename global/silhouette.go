package global

import "gonum.org/v1/gonum/mat"

// silhouette measures how well points fit their groups (Rousseeuw 1987,
// doi:10.1016/0377-0427(87)90125-7):
//
//	s(i) = (b - a) / max(a, b)
//
// with a the mean distance to the other points of its group and b the smallest mean distance to
// another group. 1 is well inside, 0 is between two groups, below 0 is in the wrong group. A point
// alone in its group has 0. silhouette returns the mean over all points, or 0 if there is only one
// group.
func silhouette(d *mat.SymDense, groups []int, k int) float64 {
	size := make([]float64, k)
	for _, g := range groups {
		size[g]++
	}
	total := 0.0
	for i, own := range groups {
		if size[own] < 2 {
			continue
		}
		sums := make([]float64, k)
		for j, g := range groups {
			sums[g] += d.At(i, j)
		}
		within, between, found := sums[own]/(size[own]-1), 0.0, false
		for g, sum := range sums {
			if g != own && size[g] > 0 && (!found || sum/size[g] < between) {
				between, found = sum/size[g], true
			}
		}
		if found && max(within, between) > 0 {
			total += (between - within) / max(within, between)
		}
	}
	return total / float64(len(groups))
}
