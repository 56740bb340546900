package explain

import (
	"fmt"
	"math"

	"oscar/internal/numeric"
)

// Averager computes the mean of many maps, such as those of all images of a
// class. Each map is first divided by its L1 mass ([Grid.Mass]), so that every
// image counts the same. It holds two maps, however many are added. Its zero
// value is ready to use.
//
// An average shows where the model looks for a class only if the objects are in
// about the same place: see [Averager.Center].
type Averager struct {
	N       int // maps averaged
	Dropped int // maps left out: their mass is zero or not finite

	height, width int
	mean, squares []float64 // Welford: the mean, and the sum of squares about it
}

// Add adds a map, of the same size as the others.
func (a *Averager) Add(g Grid) error {
	if len(g.Values) != g.Height*g.Width {
		return fmt.Errorf("a map of %dx%d with %d values", g.Height, g.Width, len(g.Values))
	}
	mass := g.Mass()
	if mass == 0 || !numeric.Finite(mass) {
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
		delta := v - a.mean[i]
		a.mean[i] += delta / float64(a.N)
		a.squares[i] += delta * (v - a.mean[i])
	}
	return nil
}

// Mean is the average: signed, with an L1 mass of at most 1. The mass is 1 only
// if the maps have the same signs. If there are no maps it has no size.
func (a *Averager) Mean() Grid {
	g := NewGrid(a.height, a.width)
	for i, v := range a.mean {
		g.Values[i] = float32(v)
	}
	return g
}

// Deviation is the standard deviation of the maps at each position, with n-1 in
// the denominator. It is zero for a single map.
func (a *Averager) Deviation() Grid {
	g := NewGrid(a.height, a.width)
	for i, s := range a.squares {
		g.Values[i] = float32(math.Sqrt(s / float64(max(a.N-1, 1))))
	}
	return g
}

// Dispersion is how far the maps are from their mean, relative to the mean: the
// root of the summed variance over the summed squared mean. It is 0 if all maps
// are the same, above 1 if they differ by more than they share, and NaN if there
// is no mean.
func (a *Averager) Dispersion() float64 {
	var variance, mean float64
	for i, s := range a.squares {
		variance += s / float64(max(a.N-1, 1))
		mean += a.mean[i] * a.mean[i]
	}
	return math.Sqrt(variance / mean)
}

// Center is how far the average is concentrated in the middle of the image: the
// share of its L1 mass in the middle half of the height and of the width, over
// that part's share of the area. 1 is no concentration; about 4 is all in the
// middle; NaN is no mean.
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
