package heatmap

import (
	"math"
	"slices"

	"oscar/explain"
)

// Positive keeps what speaks for the class: ReLU, then division by the maximum,
// so that the values are 0..1 and the largest is 1. Where the maximum is not
// above zero, or not finite, all values are zero. None is ever NaN.
func Positive(g explain.Grid) explain.Grid { return positive(g, Scale(g, 100, false)) }

// Signed keeps both sides, for a diverging colour map: 0 becomes 0.5, and the
// value furthest from zero becomes 1 or 0 by its sign. Where no value differs
// from zero, or one is not finite, all values are 0.5.
func Signed(g explain.Grid) explain.Grid { return signed(g, Scale(g, 100, true)) }

// Scale returns the value of a map that the full colour is to stand for: the
// percentile, 0 to 100, of what is drawn of all its positions, which is
// max(0, v), or |v| with signed. 100 is the largest. Below that a few pixels
// that stand out leave the others some colour; 99 is usual for maps of the
// gradient (Smilkov et al. 2017, arXiv:1706.03825). Between two
// values it is linear, as numpy.percentile. A percentile of zero, of a map with
// few values, gives way to the largest. It is 0 if nothing is above zero, or a
// value is not finite.
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

// positive divides by a scale, and cuts at 0 and 1.
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

// signed does the same around 0.5.
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
