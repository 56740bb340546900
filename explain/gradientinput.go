package explain

import (
	"cmp"
	"context"
)

// GradientTimesInput is the share of each pixel in a score that is taken for
// linear:
//
//	M(y,x) = sum over channels of image(y,x,channel) * d score / d image(y,x,channel)
//
// Shrikumar, Greenside, Kundaje 2017, arXiv:1704.02685, section 3.1. The sum
// of the map is the score if the model is linear, or made of ReLUs, without
// biases. A black pixel has no share, whatever it means to the model.
type GradientTimesInput struct {
	Model    Differentiator
	Score    Score                 // "" is Logit
	Batch    int                   // 0 is DefaultBatch
	Progress func(done, total int) // images shown to the model
}

// Explain implements [Explainer].
func (g GradientTimesInput) Explain(ctx context.Context, images Images, targets []int) ([]Attribution, error) {
	e := engine{"gradient-x-input", differentiating(g.Model, cmp.Or(g.Score, Logit)), g.Batch, g.Progress}
	return e.explain(ctx, images, targets, 0, func(s subject) (Grid, map[string]float64, error) {
		return overChannels(s.image, func(i int) float64 {
			return float64(s.image.Pixels[i]) * float64(s.gradient[i])
		}), nil, nil
	})
}

// overChannels adds up, at each pixel, the values of its channels.
func overChannels(image Images, value func(i int) float64) Grid {
	grid := NewGrid(image.Height, image.Width)
	for i := range grid.Values {
		sum := 0.0
		for c := range image.Channels {
			sum += value(i*image.Channels + c)
		}
		grid.Values[i] = float32(sum)
	}
	return grid
}
