package score

import (
	"context"

	"oscar/explain"
)

// Focus returns the share of a map's positive values in the quarters of a mosaic that show the
// target class (Arias-Duart et al. 2021, arXiv:2109.15035). Two of four quarters show it, so a
// random map has about 0.5. Focus needs no masks; [PlanMosaics] plans the mosaics.
func Focus(g explain.Grid, quadrants Quadrants) Value {
	if status := explain.StatusOf(g); status != explain.OK {
		return unjudged(status)
	}
	inside, all := 0.0, 0.0
	for i, v := range g.Values {
		if v > 0 {
			all += float64(v)
			if quadrants[quarter(i/g.Width, g.Height)*2+quarter(i%g.Width, g.Width)] {
				inside += float64(v)
			}
		}
	}
	return judged(inside / all)
}

// quarter returns the half of n that contains i: 0 for the first n/2, else 1.
func quarter(i, n int) int {
	if i < n/2 {
		return 0
	}
	return 1
}

// judgeFocus returns "focus".
func judgeFocus(_ context.Context, s Sample) (Values, error) {
	if err := s.check("focus", NeedsMosaics); err != nil {
		return nil, err
	}
	return Values{"focus": s.each(func(i int) Value {
		if status := explain.StatusOf(s.Maps[i]); status != explain.OK {
			return unjudged(status)
		}
		return Focus(s.heat(i), s.Quadrants[i])
	})}, nil
}
