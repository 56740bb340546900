package global

import (
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// distances returns the Euclidean distances of all pairs of points.
func distances(points [][]float64) *mat.SymDense {
	d := mat.NewSymDense(len(points), nil)
	for i, p := range points {
		for j := range i {
			d.SetSym(i, j, floats.Distance(p, points[j], 2))
		}
	}
	return d
}

// nearest returns the k points nearest to point i, without i. Of equally distant points it prefers
// the earlier.
func nearest(d *mat.SymDense, i, k int) []int {
	list := make([]int, 0, k+1)
	for j := range d.SymmetricDim() {
		if j == i {
			continue
		}
		at := len(list)
		for at > 0 && d.At(i, j) < d.At(i, list[at-1]) {
			at--
		}
		if at == k {
			continue
		}
		list = append(list, 0)
		copy(list[at+1:], list[at:])
		list[at] = j
		list = list[:min(len(list), k)]
	}
	return list
}

// laplacian returns the symmetric normalized Laplacian of the graph of k nearest neighbors (von
// Luxburg 2007, arXiv:0711.0189, section 3.2):
//
//	L = I - D^(-1/2) A D^(-1/2), D the row sums of A
//
// A is 1 if two points are neighbors of each other, 1/2 if only one is a neighbor of the other,
// else 0. It is the mean of the neighbor matrix and its transpose, as in CoRelAy.
func laplacian(d *mat.SymDense, k int) *mat.SymDense {
	n := d.SymmetricDim()
	a := mat.NewSymDense(n, nil)
	degree := make([]float64, n)
	for i := range n {
		for _, j := range nearest(d, i, k) {
			a.SetSym(i, j, a.At(i, j)+0.5)
			degree[i] += 0.5
			degree[j] += 0.5
		}
	}
	for i := range n {
		for j := range i {
			if v := a.At(i, j); v != 0 {
				a.SetSym(i, j, -v/math.Sqrt(degree[i]*degree[j]))
			}
		}
		a.SetSym(i, i, 1)
	}
	return a
}
