package explain

import "math"

// Features returns a layer's activations without positions: the mean of each channel, scaled to
// length 1. They are 0 if all means are 0.
func Features(activations Volume) []float32 {
	sums := make([]float64, activations.Channels)
	for k, x := range activations.Values {
		sums[k%activations.Channels] += float64(x)
	}
	length := 0.0
	for _, s := range sums {
		length += s * s
	}
	out := make([]float32, activations.Channels)
	if length == 0 {
		return out
	}
	for k, s := range sums {
		out[k] = float32(s / math.Sqrt(length))
	}
	return out
}

// BorderShare returns the share of a map's positive values in a strip along the border, whose width
// is an eighth of each side. It is NaN for a map without positive values, and 0.4375 for a constant
// map.
func BorderShare(g Grid) float64 {
	// Resizing gives the cells of a coarse map their true area.
	const side = 64
	g = g.Resize(side, side)
	strip, all := 0.0, 0.0
	for y := range side {
		for x := range side {
			v := max(0, float64(g.At(y, x)))
			all += v
			if min(x, y, side-1-x, side-1-y) < side/8 {
				strip += v
			}
		}
	}
	return strip / all
}
