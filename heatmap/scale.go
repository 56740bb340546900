package heatmap

import (
	"math"
	"slices"

	"oscar/explain"
)

// Positive returns the positive values divided by the maximum, 0..1, and zero for the others. If the
// maximum is not above zero, or not finite, all values are zero. No value is NaN.
func Positive(g explain.Grid) explain.Grid { return positive(g, Scale(g, 100, false)) }

// Signed scales both signs for a diverging color map: 0 becomes 0.5, and the value with the largest
// magnitude becomes 1 or 0, by its sign. If all values are zero, or one is not finite, all become
// 0.5.
func Signed(g explain.Grid) explain.Grid { return signed(g, Scale(g, 100, true)) }

// Scale returns the value of a map that gets the full color. It is the percentile, 0 to 100, of
// max(0, v) over all positions, or of |v| if signed is true. 100 is the largest. With a lower
// percentile a few large values do not make all others pale; 99 is usual for gradient maps (Smilkov
// et al. 2017, arXiv:1706.03825). It is interpolated linearly, as in numpy.percentile. If the
// percentile is zero, Scale returns the largest value. It is 0 if no value is above zero or one is
// not finite.
func Scale(g explain.Grid, percentile float64, signed bool) float32 {
	low, high := g.Range() // NaN if any value is
	largest := high
	if signed {
		largest = max(high, -low)
	}
	if !(largest > 0) || math.IsInf(float64(largest), 0) {
		return 0
	}
	if percentile >= 100 {
		return largest
	}
	drawn := make([]float32, len(g.Values))
	for i, v := range g.Values {
		if signed && v < 0 {
			v = -v
		}
		drawn[i] = max(v, 0)
	}
	slices.Sort(drawn)
	at := max(percentile, 0) / 100 * float64(len(drawn)-1)
	below := int(at)
	above := min(below+1, len(drawn)-1)
	if v := drawn[below] + (drawn[above]-drawn[below])*float32(at-float64(below)); v > 0 {
		return v
	}
	return largest
}

// positive divides by a scale and clips at 0 and 1.
func positive(g explain.Grid, scale float32) explain.Grid {
	out := explain.NewGrid(g.Height, g.Width)
	if scale > 0 {
		for i, v := range g.Values {
			if v > 0 {
				out.Values[i] = min(v/scale, 1)
			}
		}
	}
	return out
}

// signed scales and clips around 0.5.
func signed(g explain.Grid, scale float32) explain.Grid {
	out := explain.NewGrid(g.Height, g.Width)
	for i := range out.Values {
		out.Values[i] = 0.5
		if scale > 0 {
			out.Values[i] = min(max(0.5+g.Values[i]/scale/2, 0), 1)
		}
	}
	return out
}
