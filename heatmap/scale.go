package heatmap

import (
	"math"

	"oscar/explain"
)

// Positive keeps what speaks for the class: ReLU, then division by the maximum,
// so that the values are 0..1 and the largest is 1. Where the maximum is not
// above zero, or not finite, all values are zero. None is ever NaN.
func Positive(g explain.Grid) explain.Grid {
	out := explain.NewGrid(g.Height, g.Width)
	_, high := g.Range() // NaN if any value is
	if !(high > 0) || math.IsInf(float64(high), 0) {
		return out
	}
	for i, v := range g.Values {
		if v > 0 {
			out.Values[i] = v / high
		}
	}
	return out
}

// Signed keeps both sides, for a diverging colour map: 0 becomes 0.5, and the
// value furthest from zero becomes 1 or 0 by its sign. Where no value differs
// from zero, or one is not finite, all values are 0.5.
func Signed(g explain.Grid) explain.Grid {
	out := explain.NewGrid(g.Height, g.Width)
	low, high := g.Range()
	bound := max(high, -low)
	usable := bound > 0 && !math.IsInf(float64(bound), 0)
	for i := range out.Values {
		out.Values[i] = 0.5
		if usable {
			out.Values[i] = 0.5 + g.Values[i]/bound/2
		}
	}
	return out
}
