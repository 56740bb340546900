package score

import (
	"context"

	"oscar/explain"
)

// Energy returns the share of a map's positive values inside the mask: the energy-based pointing
// game (Wang et al. 2020, Score-CAM, arXiv:1910.01279). Map and mask must have the same size.
func Energy(g explain.Grid, mask Mask) Value {
	if status := located(g, mask); status != explain.OK {
		return unjudged(status)
	}
	inside, all := 0.0, 0.0
	for i, v := range g.Values {
		if v > 0 {
			all += float64(v)
			if mask.Inside[i] {
				inside += float64(v)
			}
		}
	}
	return judged(inside / all)
}

// judgeEnergy returns "energy".
func judgeEnergy(_ context.Context, s Sample) (Values, error) {
	if err := s.check("energy", NeedsMasks); err != nil {
		return nil, err
	}
	return Values{"energy": s.each(func(i int) Value {
		if status := explain.StatusOf(s.Maps[i]); status != explain.OK {
			return unjudged(status)
		}
		return Energy(s.heat(i), s.Masks[i])
	})}, nil
}
