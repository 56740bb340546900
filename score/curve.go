package score

import (
	"context"
	"fmt"
	"slices"

	"oscar/explain"
)

// DefaultSteps is the default number of steps of a deletion or insertion curve.
const DefaultSteps = 32

// curves returns, for every image with a rankable map, the probability of its class while its pixels
// change from one picture to another, the highest ranked pixels first. It has the values at the
// start and after each of n steps. A step is ceil(H W/steps) pixels; the last may be smaller. ends
// returns the first and the last picture. Other images have a nil curve.
func curves(ctx context.Context, s Sample, steps int, ends func(i int) (start, end []float32)) ([][]float64, error) {
	if steps < 1 {
		steps = DefaultSteps
	}
	positions, channels := s.Images.Height*s.Images.Width, s.Images.Channels
	step := (positions + steps - 1) / steps
	n := (positions + step - 1) / step

	list := make([][]float64, s.Images.N)
	judgeable := 0
	for i := range list {
		if rankable(s.Maps[i]) == explain.OK {
			list[i] = make([]float64, n+1)
			judgeable++
		}
	}
	batcher := s.predictions(ctx, judgeable*(n+1))
	for i, curve := range list {
		if curve == nil {
			continue
		}
		start, end := ends(i)
		current := slices.Clone(start)
		order := descending(s.heat(i))
		for k := range curve {
			copy(batcher.Next(), current)
			if err := batcher.Submit(s.Targets[i], func(o outcome) { curve[k] = o.Probability }); err != nil {
				return nil, err
			}
			for _, p := range order[min(k*step, positions):min((k+1)*step, positions)] {
				copy(current[p*channels:(p+1)*channels], end[p*channels:])
			}
		}
	}
	return list, batcher.Flush()
}

// areas returns the areas under the curves. An image without a curve has the status of its map
// instead of a value.
func (s Sample) areas(curves [][]float64) []Value {
	return s.each(func(i int) Value {
		if curves[i] == nil {
			return unjudged(rankable(s.Maps[i]))
		}
		return judged(area(curves[i]))
	})
}

// area returns the normalized area under a curve, (sum s - s_0/2 - s_n/2)/n, as the authors of RISE
// compute it.
func area(curve []float64) float64 {
	n := len(curve) - 1
	sum := 0.0
	for _, v := range curve {
		sum += v
	}
	return (sum - curve[0]/2 - curve[n]/2) / float64(n)
}

// descending returns a map's positions by value, the largest first; equal values are in the map's
// order. Every metric that removes pixels uses this ranking. A threshold is unsuitable: if a map has
// many zeros, it selects all of them at once.
func descending(g explain.Grid) []int {
	type position struct {
		value float32
		index int
	}
	positions := make([]position, len(g.Values))
	for i, v := range g.Values {
		positions[i] = position{v, i}
	}
	slices.SortFunc(positions, func(a, b position) int {
		switch {
		case a.value > b.value:
			return -1
		case a.value < b.value:
			return 1
		}
		return a.index - b.index
	})
	order := make([]int, len(positions))
	for i, p := range positions {
		order[i] = p.index
	}
	return order
}

// checkColor returns an error for a color with another number of channels. nil is valid.
func checkColor(name string, color []float32, channels int) error {
	if color != nil && len(color) != channels {
		return fmt.Errorf("%s: a mean color of %d values for images of %d channels", name, len(color), channels)
	}
	return nil
}

// meanColor returns the given color or, if it is nil, the image's mean.
func meanColor(image explain.Images, given []float32) []float32 {
	if given != nil {
		return given
	}
	color := make([]float32, image.Channels)
	explain.Mean(color, image)
	return color
}
