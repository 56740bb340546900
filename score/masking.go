package score

import (
	"context"
	"math"

	"oscar/explain"
	"oscar/heatmap"
)

// Masking compares the score of the image times the map, O = f(x * map), with
// that of the image, Y = f(x). The map's positive part is divided by its maximum.
//
//	average drop      100/N sum max(0, Y-O)/Y      lower is better
//	average increase  100/N sum 1[O > Y]           higher is better
//	average gain      100/N sum max(0, O-Y)/(1-Y)  higher is better
//
// of probabilities (Chattopadhay et al. 2018, Grad-CAM++, arXiv:1710.11063; gain: Zhang et al. 2023,
// Opti-CAM, arXiv:2301.07002). Pixels that the map hides become black. Many implementations multiply
// the normalized image instead; set Mean to the data set's mean color for the same result.
type Masking struct {
	Mean []float32 `json:"mean,omitempty"` // color of hidden pixels; nil: black
}

// Judge returns "average_drop", "average_increase" and "average_gain", in percent.
func (m Masking) Judge(ctx context.Context, s Sample) (Values, error) {
	if err := s.check("masking", NeedsModel); err != nil {
		return nil, err
	}
	color := m.Mean
	if color == nil {
		color = make([]float32, s.Images.Channels)
	}
	if err := checkColor("masking", color, s.Images.Channels); err != nil {
		return nil, err
	}

	before, after := make([]float64, s.Images.N), make([]float64, s.Images.N)
	judgeable := 0
	for _, g := range s.Maps {
		if explain.StatusOf(g) == explain.OK {
			judgeable++
		}
	}
	batcher := s.predictions(ctx, 2*judgeable)
	for i, g := range s.Maps {
		if explain.StatusOf(g) != explain.OK {
			continue
		}
		copy(batcher.Next(), s.image(i))
		if err := batcher.Submit(s.Targets[i], func(o outcome) { before[i] = o.Probability }); err != nil {
			return nil, err
		}
		mask(batcher.Next(), s.image(i), heatmap.Positive(s.heat(i)), color)
		if err := batcher.Submit(s.Targets[i], func(o outcome) { after[i] = o.Probability }); err != nil {
			return nil, err
		}
	}
	if err := batcher.Flush(); err != nil {
		return nil, err
	}

	value := func(check func(y float64) explain.Status, of func(y, o float64) float64) []Value {
		return s.each(func(i int) Value {
			if status := explain.StatusOf(s.Maps[i]); status != explain.OK {
				return unjudged(status)
			}
			if status := check(before[i]); status != explain.OK {
				return unjudged(status)
			}
			return judged(100 * of(before[i], after[i]))
		})
	}
	noScore := func(y float64) explain.Status {
		if y <= 0 {
			return NoScore
		}
		return explain.OK
	}
	saturated := func(y float64) explain.Status {
		if y >= 1 {
			return Saturated
		}
		return explain.OK
	}
	return Values{
		"average_drop": value(noScore, func(y, o float64) float64 { return max(0, y-o) / y }),
		"average_increase": value(noScore, func(y, o float64) float64 {
			switch {
			case o > y:
				return 1
			case o <= y:
				return 0
			}
			return math.NaN() // y or o is NaN
		}),
		"average_gain": value(saturated, func(y, o float64) float64 { return max(0, o-y) / (1 - y) }),
	}, nil
}

// mask writes color + map * (image - color).
func mask(out, image []float32, shown explain.Grid, color []float32) {
	channels := len(color)
	for i, v := range image {
		c := color[i%channels]
		out[i] = c + shown.Values[i/channels]*(v-c)
	}
}
