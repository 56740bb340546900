package score

import (
	"context"

	"oscar/explain"
	"oscar/internal/numeric"
)

// Pointing is the pointing game (Zhang et al. 2018, arXiv:1608.00507). It is 1 if the position of
// the map's largest value (the first of equal ones) is on the object or near it, else 0. As in
// TorchRay, near means that the squared distance to a pixel of the mask is below the squared
// Tolerance. The mean is the mean of the hit rates of the explained classes, as in the paper: each
// class has the same weight, however many images it has.
type Pointing struct {
	Tolerance int `json:"tolerance,omitempty"` // in pixels; 0: 15, 1: only hits on the mask
}

// Judge returns "pointing".
func (p Pointing) Judge(_ context.Context, s Sample) (Values, error) {
	if err := s.check("pointing", NeedsMasks); err != nil {
		return nil, err
	}
	if p.Tolerance < 1 {
		p.Tolerance = 15
	}
	return Values{"pointing": s.each(func(i int) Value {
		if status := located(s.Maps[i], s.Masks[i]); status != explain.OK {
			return unjudged(status)
		}
		heat := s.heat(i)
		point := numeric.ArgMax(heat.Values)
		if s.Masks[i].near(point/heat.Width, point%heat.Width, p.Tolerance) {
			return judged(1)
		}
		return judged(0)
	})}, nil
}

// located returns the status of a map that is compared with a mask.
func located(g explain.Grid, mask Mask) explain.Status {
	if status := explain.StatusOf(g); status != explain.OK {
		return status
	}
	for _, inside := range mask.Inside {
		if inside {
			return explain.OK
		}
	}
	return NoMask
}

// near reports whether a pixel of the mask is closer than tolerance.
func (m Mask) near(row, column, tolerance int) bool {
	for y := max(row-tolerance, 0); y < min(row+tolerance+1, m.Height); y++ {
		for x := max(column-tolerance, 0); x < min(column+tolerance+1, m.Width); x++ {
			dy, dx := y-row, x-column
			if m.Inside[y*m.Width+x] && dy*dy+dx*dx < tolerance*tolerance {
				return true
			}
		}
	}
	return false
}
