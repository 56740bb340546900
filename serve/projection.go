package serve

import (
	"math"

	"oscar/internal/seeded"
)

// maxFitted is the maximum number of rows for computing the axes.
const maxFitted = 2000

// project projects rows of equal lengths on their two axes of largest variance (principal
// components) and scales both by one factor, so that all positions fit into 0 to 100. The
// axes are computed from at most [maxFitted] evenly spaced rows. Nil rows have the
// position NaN.
func project(rows [][]float32) [][2]float64 {
	out := make([][2]float64, len(rows))
	var known []int
	for i, r := range rows {
		out[i] = [2]float64{math.NaN(), math.NaN()}
		if r != nil {
			known = append(known, i)
		}
	}
	if len(known) == 0 {
		return out
	}
	var fitted [][]float32
	for k := range min(len(known), maxFitted) {
		fitted = append(fitted, rows[known[k*len(known)/min(len(known), maxFitted)]])
	}
	mean, axes := principalAxes(fitted)
	low, high := [2]float64{math.Inf(1), math.Inf(1)}, [2]float64{math.Inf(-1), math.Inf(-1)}
	for _, i := range known {
		for a, axis := range axes {
			v := 0.0
			for k, x := range rows[i] {
				v += (float64(x) - mean[k]) * axis[k]
			}
			out[i][a] = v
			low[a], high[a] = min(low[a], v), max(high[a], v)
		}
	}
	span := max(high[0]-low[0], high[1]-low[1])
	for _, i := range known {
		for a := range axes {
			middle := (low[a] + high[a]) / 2
			out[i][a] = 50 + 100*(out[i][a]-middle)/max(span, math.SmallestNonzeroFloat64)
		}
	}
	return out
}

// principalAxes are the mean of rows and the two directions of largest variance, found by
// power iteration: the covariance is applied to a vector until its direction converges. The
// largest component of each is positive.
func principalAxes(rows [][]float32) (mean []float64, axes [2][]float64) {
	mean = make([]float64, len(rows[0]))
	for _, r := range rows {
		for k, x := range r {
			mean[k] += float64(x) / float64(len(rows))
		}
	}
	random := seeded.New([]byte("principal axes"))
	for a := range axes {
		axis := make([]float64, len(mean))
		for k := range axis {
			axis[k] = random.NormFloat64()
		}
		straighten(axis, axes[:a])
		normalize(axis)
		for range 300 {
			next := make([]float64, len(mean))
			for _, r := range rows {
				along := 0.0
				for k, x := range r {
					along += (float64(x) - mean[k]) * axis[k]
				}
				for k, x := range r {
					next[k] += along * (float64(x) - mean[k])
				}
			}
			straighten(next, axes[:a])
			if !normalize(next) {
				break // no variance is left
			}
			turned := math.Abs(dot(next, axis))
			axis = next
			if 1-turned < 1e-14 {
				break
			}
		}
		largest := 0
		for k := range axis {
			if math.Abs(axis[k]) > math.Abs(axis[largest]) {
				largest = k
			}
		}
		if axis[largest] < 0 {
			for k := range axis {
				axis[k] = -axis[k]
			}
		}
		axes[a] = axis
	}
	return mean, axes
}

// straighten makes v orthogonal to the axes.
func straighten(v []float64, axes [][]float64) {
	for _, axis := range axes {
		along := dot(v, axis)
		for k := range v {
			v[k] -= along * axis[k]
		}
	}
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for k := range a {
		sum += a[k] * b[k]
	}
	return sum
}

// normalize scales a vector to length 1. It returns false, without a change, if the vector
// is 0 or too small.
func normalize(v []float64) bool {
	length := math.Sqrt(dot(v, v))
	if length < 1e-12 {
		return false
	}
	for k := range v {
		v[k] /= length
	}
	return true
}
