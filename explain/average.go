package explain

import (
	"fmt"
	"math"
)

// Averager makes one map of many, say of all images of a class. Each map is
// divided by its L1 mass first, the sum of its absolute values, so that every
// image has the same say. It holds two maps, however many are added. Its zero
// value is ready; which maps to add (say, only those of images that the model
// got right) is the caller's choice.
//
// An average tells where a class is looked for only if its objects are in about
// the same place: see [Averager.Center].
type Averager struct {
	N       int // maps averaged
	Dropped int // maps without mass, or with a NaN or an infinity: left out

	height, width int
	mean, squares []float64 // Welford: the mean, and the sum of squares about it
}

// Add takes one more map, of the same size as the others.
func (a *Averager) Add(g Grid) error {
	if len(g.Values) != g.Height*g.Width {
		return fmt.Errorf("a map of %dx%d with %d values", g.Height, g.Width, len(g.Values))
	}
	mass := 0.0
	for _, v := range g.Values {
		mass += math.Abs(float64(v))
	}
	if mass == 0 || math.IsNaN(mass) || math.IsInf(mass, 0) {
		a.Dropped++
		return nil
	}
	if a.N == 0 {
		a.height, a.width = g.Height, g.Width
		a.mean, a.squares = make([]float64, len(g.Values)), make([]float64, len(g.Values))
	}
	if g.Height != a.height || g.Width != a.width {
		return fmt.Errorf("a map of %dx%d among maps of %dx%d", g.Height, g.Width, a.height, a.width)
	}
	a.N++
	for i, v := range g.Values {
		v := float64(v) / mass
		before := v - a.mean[i]
		a.mean[i] += before / float64(a.N)
		a.squares[i] += before * (v - a.mean[i])
	}
	return nil
}

// Mean is the average: signed, of an L1 mass of at most 1, which it has only if
// the maps agree on the signs. Of no maps it has no size.
func (a *Averager) Mean() Grid {
	g := NewGrid(a.height, a.width)
	for i, v := range a.mean {
		g.Values[i] = float32(v)
	}
	return g
}

// Deviation is the standard deviation of the maps at each position, with n-1 in
// the denominator: zeros for a single map.
func (a *Averager) Deviation() Grid {
	g := NewGrid(a.height, a.width)
	for i, s := range a.squares {
		g.Values[i] = float32(math.Sqrt(s / float64(max(a.N-1, 1))))
	}
	return g
}

// Dispersion says in one number how far the maps are from their mean, beside
// how much there is of it: the root of the variance's sum over the squared
// mean's. It is 0 for maps that are all the same, above 1 where they differ by
// more than they share, and NaN where there is no mean.
func (a *Averager) Dispersion() float64 {
	var variance, mean float64
	for i, s := range a.squares {
		variance += s / float64(max(a.N-1, 1))
		mean += a.mean[i] * a.mean[i]
	}
	return math.Sqrt(variance / mean)
}

// Center says how much the average keeps to the middle of the image: the share
// of its L1 mass in the middle half of the height and of the width, over that
// part's share of the area. 1 is no preference, 4 (or nearly) all in the
// middle, NaN no mean.
func (a *Averager) Center() float64 {
	var inside, mass, area float64
	for i, v := range a.mean {
		y, x := i/a.width, i%a.width
		mass += math.Abs(v)
		if 4*abs(2*y+1-a.height) <= 2*a.height && 4*abs(2*x+1-a.width) <= 2*a.width {
			inside += math.Abs(v)
			area++
		}
	}
	return inside / mass * float64(len(a.mean)) / area
}

func abs(n int) int { return max(n, -n) }
