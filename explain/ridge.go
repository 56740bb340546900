package explain

import "math"

// linear is a fitted linear model.
type linear struct {
	coefficients []float64
	intercept    float64
	r2           float64 // weighted share of the explained variance
}

// ridge minimizes, over b and b0,
//
//	sum_i weights_i (y_i - b0 - sum of b where rows_i)^2 + alpha |b|^2
//
// The penalty is on the coefficients b, not on the intercept b0. It solves
// (X'WX + alpha I) b = X'Wy, with X and y centered on their weighted means, by a
// Cholesky decomposition. alpha must be above 0.
func ridge(rows [][]bool, y, weights []float64, alpha float64) linear {
	n := len(rows[0])
	// Relative to the first value, equal y are exactly zero, and so is their fit.
	origin := y[0]
	var total, meanY float64
	meanX := make([]float64, n)
	for i, w := range weights {
		total += w
		meanY += w * (y[i] - origin)
		for j, on := range rows[i] {
			if on {
				meanX[j] += w
			}
		}
	}
	meanY /= total
	for j := range meanX {
		meanX[j] /= total
	}

	normal := make([][]float64, n) // lower triangle of X'WX + alpha I
	for j := range normal {
		normal[j] = make([]float64, j+1)
		normal[j][j] = alpha
	}
	right, x := make([]float64, n), make([]float64, n)
	for i, w := range weights {
		center(x, rows[i], meanX)
		for j := range n {
			wx := w * x[j]
			right[j] += wx * (y[i] - origin - meanY)
			for k := range normal[j] {
				normal[j][k] += wx * x[k]
			}
		}
	}
	fit := linear{coefficients: solve(normal, right), intercept: origin + meanY}
	for j, b := range fit.coefficients {
		fit.intercept -= b * meanX[j]
	}

	var unexplained, variance float64
	for i, w := range weights {
		center(x, rows[i], meanX)
		residual := y[i] - origin - meanY
		variance += w * residual * residual
		for j, b := range fit.coefficients {
			residual -= b * x[j]
		}
		unexplained += w * residual * residual
	}
	if fit.r2 = 1; variance != 0 {
		fit.r2 -= unexplained / variance
	}
	return fit
}

// center writes a row of X minus the mean.
func center(x []float64, row []bool, mean []float64) {
	for j, on := range row {
		x[j] = -mean[j]
		if on {
			x[j]++
		}
	}
}

// solve solves a x = b for a symmetric, positive definite a, given as its lower
// triangle. It overwrites both and returns b. (gonum's Cholesky adds up in another
// order, which would change maps in their last bits.)
func solve(a [][]float64, b []float64) []float64 {
	for i := range a { // a = L L'
		for j := range i + 1 {
			sum := a[i][j]
			for k := range j {
				sum -= a[i][k] * a[j][k]
			}
			if i == j {
				a[i][i] = math.Sqrt(sum)
			} else {
				a[i][j] = sum / a[j][j]
			}
		}
	}
	for i := range b { // L z = b
		for k := range i {
			b[i] -= a[i][k] * b[k]
		}
		b[i] /= a[i][i]
	}
	for i := len(b) - 1; i >= 0; i-- { // L' x = z
		for k := i + 1; k < len(b); k++ {
			b[i] -= a[k][i] * b[k]
		}
		b[i] /= a[i][i]
	}
	return b
}
