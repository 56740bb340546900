package score

import (
	"context"

	"oscar/explain"
)

// DefaultSteps is how many steps a deletion or insertion curve has if not said.
const DefaultSteps = 32

// curves follows, for every image that has a ranking, the probability of its
// class while its pixels change from one picture to another, the highest
// ranked first: the values at the start and after each of n steps. The n steps
// are of ceil(H W/steps) pixels, the last may be smaller. ends gives the
// picture to start from, and the one to end at. Other images have no curve.
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
		if orderable(s.Maps[i]) == explain.OK {
			list[i] = make([]float64, n+1)
			judgeable++
		}
	}
	trial := s.predictions(ctx, judgeable*(n+1))
	for i, curve := range list {
		if curve == nil {
			continue
		}
		start, end := ends(i)
		now := append([]float32(nil), start...)
		order := descending(s.heat(i))
		for k := range curve {
			copy(trial.next(), now)
			if err := trial.submit(s.Targets[i], func(a answer) { curve[k] = a.Probability }); err != nil {
				return nil, err
			}
			for _, p := range order[min(k*step, positions):min((k+1)*step, positions)] {
				copy(now[p*channels:(p+1)*channels], end[p*channels:])
			}
		}
	}
	return list, trial.flush()
}

// areas are the areas under curves; an image without a curve has no value, and
// its map's status.
func (s Sample) areas(curves [][]float64) []Value {
	return s.each(func(i int) Value {
		if curves[i] == nil {
			return unjudged(orderable(s.Maps[i]))
		}
		return judged(area(curves[i]))
	})
}

// area is the normalised area under a curve, (sum s - s_0/2 - s_n/2)/n, as the
// authors of RISE compute it.
func area(curve []float64) float64 {
	n := len(curve) - 1
	sum := 0.0
	for _, v := range curve {
		sum += v
	}
	return (sum - curve[0]/2 - curve[n]/2) / float64(n)
}
