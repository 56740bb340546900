package scene

import (
	"math"
	"slices"
)

// addGradients adds the squared differences of neighboring values in both directions to sum.
func addGradients(sum, values []float64, height, width int) {
	for y := 1; y < height-1; y++ {
		for x := 1; x < width-1; x++ {
			i := y*width + x
			h, v := values[i+1]-values[i-1], values[i+width]-values[i-width]
			sum[i] += (h*h + v*v) / 4
		}
	}
}

func medianOf(values []float64, use []bool) float64 {
	var list []float64
	for i, in := range use {
		if in {
			list = append(list, values[i])
		}
	}
	slices.Sort(list)
	return list[len(list)/2]
}

// borderOf marks a border of a twelfth of the picture on each side.
func borderOf(height, width int) []bool {
	out := make([]bool, height*width)
	deep := max(2, min(height, width)/12)
	for i := range out {
		y, x := i/width, i%width
		out[i] = y < deep || x < deep || y >= height-deep || x >= width-deep
	}
	return out
}

// fitSurface fits a quadratic surface to the values where use is true. It fits four times and drops
// outliers, which may belong to the object. spread is the median distance of the used values.
func fitSurface(values []float64, use []bool, height, width int) (surface []float64, spread float64) {
	terms := func(i int) [6]float64 {
		y, x := 2*float64(i/width)/float64(height)-1, 2*float64(i%width)/float64(width)-1
		return [6]float64{1, x, y, x * x, x * y, y * y}
	}
	var s [6]float64
	at := func(t [6]float64) float64 {
		return s[0]*t[0] + s[1]*t[1] + s[2]*t[2] + s[3]*t[3] + s[4]*t[4] + s[5]*t[5]
	}
	var used []int
	for i := 0; i < len(use); i += 5 { // a sample of some thousands is enough
		if use[i] {
			used = append(used, i)
		}
	}
	distances, sorted := make([]float64, len(used)), make([]float64, len(used))
	for k, i := range used {
		sorted[k] = values[i]
	}
	slices.Sort(sorted)
	middle := sorted[len(sorted)/2]
	for k, i := range used {
		distances[k] = math.Abs(values[i] - middle)
	}
	limit := 25.0 // for the first fit, from the median
	for range 4 {
		var a [6][7]float64
		for k, i := range used {
			if distances[k] > limit {
				continue
			}
			t := terms(i)
			for r := range 6 {
				for c := range 6 {
					a[r][c] += t[r] * t[c]
				}
				a[r][6] += t[r] * values[i]
			}
		}
		for r := range 6 {
			a[r][r] += 1e-3
		}
		s = solve(a)
		for k, i := range used {
			distances[k] = math.Abs(values[i] - at(terms(i)))
		}
		copy(sorted, distances)
		slices.Sort(sorted)
		spread = sorted[len(sorted)/2]
		limit = max(3*spread, 4)
	}
	surface = make([]float64, len(values))
	for i := range surface {
		surface[i] = at(terms(i))
	}
	return surface, spread
}

// solve solves six linear equations by Gaussian elimination.
func solve(a [6][7]float64) (x [6]float64) {
	for c := range 6 {
		pivot := c
		for r := c + 1; r < 6; r++ {
			if math.Abs(a[r][c]) > math.Abs(a[pivot][c]) {
				pivot = r
			}
		}
		a[c], a[pivot] = a[pivot], a[c]
		for r := range 6 {
			if r == c {
				continue
			}
			f := a[r][c] / a[c][c]
			for k := c; k < 7; k++ {
				a[r][k] -= f * a[c][k]
			}
		}
	}
	for c := range 6 {
		x[c] = a[c][6] / a[c][c]
	}
	return x
}

// otsu returns the best of 256 thresholds, up to the 99th percentile, that separates two groups of
// values (Otsu 1979), lowered by a quarter.
func otsu(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	top := sorted[len(sorted)*99/100] + 1e-9
	var counts [256]float64
	for _, v := range values {
		counts[min(255, int(v/top*255))]++
	}
	total, sum := float64(len(values)), 0.0
	for i, n := range counts {
		sum += float64(i) * n
	}
	best, at, below, sumBelow := -1.0, 0, 0.0, 0.0
	for i, n := range counts {
		below += n
		sumBelow += float64(i) * n
		if below == 0 || below == total {
			continue
		}
		difference := sumBelow/below - (sum-sumBelow)/(total-below)
		if between := below * (total - below) * difference * difference; between > best {
			best, at = between, i
		}
	}
	return float64(at) / 255 * top * 0.75 // lowered, because edges are blended with the background
}
