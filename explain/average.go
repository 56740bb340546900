package explain

import (
	"fmt"
	"math"

	"oscar/internal/numeric"
)

// Averager computes the mean of many maps, such as those of all images of a class. Each map is first
// divided by its L1 norm ([Grid.Mass]), so that all images have equal weight. It stores two maps,
// however many are added. Its zero value is ready to use.
//
// An average shows where the model looks for a class only if the objects are in
// about the same place: see [Averager.Center].
type Averager struct {
	N       int // maps averaged
	Dropped int // number of maps left out, because their norm is zero or not finite

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

// Mean returns the average. It is signed. Its L1 norm is at most 1, and 1 only if all maps have the
// same signs. Without maps it has no size.
func (a *Averager) Mean() Grid {
	g := NewGrid(a.height, a.width)
	for i, v := range a.mean {
		g.Values[i] = float32(v)
	}
	return g
}

// Deviation returns the standard deviation of the maps at each position (denominator n-1). It is
// zero for a single map.
func (a *Averager) Deviation() Grid {
	g := NewGrid(a.height, a.width)
	for i, s := range a.squares {
		g.Values[i] = float32(math.Sqrt(s / float64(max(a.N-1, 1))))
	}
	return g
}

// Dispersion returns how far the maps are from their mean: the square root of the total variance
// divided by the total squared mean. It is 0 if all maps are equal, above 1 if they differ by more
// than they have in common, and NaN if there is no mean.
func (a *Averager) Dispersion() float64 {
	var variance, mean float64
	for i, s := range a.squares {
		variance += s / float64(max(a.N-1, 1))
		mean += a.mean[i] * a.mean[i]
	}
	return math.Sqrt(variance / mean)
}

// Center returns how much the average is concentrated in the middle of the image: the share of its
// L1 norm in the middle half of height and width, divided by that part's share of the area. 1 means
// not at all, about 4 means entirely, and NaN means that there is no mean.
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
