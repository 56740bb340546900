package methods

import (
	"slices"

	"oscar/explain"
	"oscar/heatmap"
)

// Scale returns the values of a map that are drawn with the full and with the lowest color. ok is
// false if there is nothing to draw. percentile is heatmap.Scale's. 0 means 99 if the map has the
// image's resolution, because a few pixels may be far above the others, else 100. base is 0, or the
// map's smallest value for a relative method.
func (m Method) Scale(layer string, g explain.Grid, percentile float64) (full, base float32, ok bool) {
	low, high := g.Range()
	if !(low < high) {
		return 0, 0, false
	}
	if m.Relative {
		g.Values = slices.Clone(g.Values)
		for i := range g.Values {
			g.Values[i] -= low
		}
		base = low
	}
	if percentile == 0 {
		percentile = 100
		if m.Fine(layer) {
			percentile = 99
		}
	}
	full = heatmap.Scale(g, percentile, m.Signed) + base
	return full, base, full > base
}
