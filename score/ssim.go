package score

import (
	"math"

	"oscar/explain"
)

// The window of SSIM: Gaussian weights with a standard deviation of 1.5 pixels, truncated at 3.5
// standard deviations.
const (
	ssimSigma  = 1.5
	ssimRadius = 5 // round(3.5 * 1.5)
	ssimWindow = 2*ssimRadius + 1
)

// SSIM returns the mean structural similarity of two maps of the same size with values 0..1 (Wang et
// al. 2004, IEEE TIP 13:600), over the positions where the whole window is within the maps. It
// equals scikit-image's structural_similarity( gaussian_weights=True, data_range=1), with sample
// covariances. Maps below 11x11 are TooSmall.
func SSIM(a, b explain.Grid) Value {
	switch {
	case a.Height != b.Height || a.Width != b.Width:
		return unjudged(explain.NonFinite)
	case a.Height < ssimWindow || a.Width < ssimWindow:
		return unjudged(TooSmall)
	}
	product := func(x, y explain.Grid) []float64 {
		return smooth(a.Height, a.Width, func(i int) float64 { return float64(x.Values[i]) * float64(y.Values[i]) })
	}
	value := func(x explain.Grid) []float64 {
		return smooth(a.Height, a.Width, func(i int) float64 { return float64(x.Values[i]) })
	}
	meanA, meanB := value(a), value(b)
	squareA, squareB, both := product(a, a), product(b, b), product(a, b)

	const c1, c2 = 0.01 * 0.01, 0.03 * 0.03
	const sample = float64(ssimWindow*ssimWindow) / (ssimWindow*ssimWindow - 1)
	sum := 0.0
	for i, x := range meanA {
		y := meanB[i]
		varA, varB, cov := sample*(squareA[i]-x*x), sample*(squareB[i]-y*y), sample*(both[i]-x*y)
		sum += (2*x*y + c1) * (2*cov + c2) / ((x*x + y*y + c1) * (varA + varB + c2))
	}
	return judged(sum / float64(len(meanA)))
}

// smooth returns the window's weighted mean where it lies within the grid.
func smooth(height, width int, at func(i int) float64) []float64 {
	var kernel [ssimWindow]float64
	total := 0.0
	for k := range kernel {
		d := float64(k - ssimRadius)
		kernel[k] = math.Exp(-d * d / (2 * ssimSigma * ssimSigma))
		total += kernel[k]
	}
	for k := range kernel {
		kernel[k] /= total
	}

	columns := width - 2*ssimRadius
	rows := make([]float64, height*columns)
	for y := range height {
		for x := range columns {
			for k, w := range kernel {
				rows[y*columns+x] += w * at(y*width+x+k)
			}
		}
	}
	out := make([]float64, (height-2*ssimRadius)*columns)
	for i := range out {
		for k, w := range kernel {
			out[i] += w * rows[i+k*columns]
		}
	}
	return out
}

// minMax scales a map of at least two different values to 0..1.
func minMax(g explain.Grid) explain.Grid {
	low, high := g.Range()
	bottom, span := float64(low), float64(high)-float64(low)
	out := explain.NewGrid(g.Height, g.Width)
	for i, v := range g.Values {
		out.Values[i] = float32((float64(v) - bottom) / span)
	}
	return out
}
