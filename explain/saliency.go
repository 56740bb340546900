package explain

import (
	"cmp"
	"context"
)

// Saliency is how steeply the score reacts to each pixel:
//
//	M(y,x) = max over channels of |d score / d image(y,x,channel)|
//
// Simonyan, Vedaldi, Zisserman 2013, arXiv:1312.6034, section 3.1. They take
// the score before the softmax. The map is never negative: it says where the
// score is sensitive, not in which direction.
type Saliency struct {
	Model    Differentiator
	Score    Score                 // "" is Logit
	Batch    int                   // 0 is DefaultBatch
	Progress func(done, total int) // images shown to the model
}

// Explain implements [Explainer].
func (s Saliency) Explain(ctx context.Context, images Images, targets []int) ([]Attribution, error) {
	e := engine{"saliency", differentiating(s.Model, cmp.Or(s.Score, Logit)), s.Batch, s.Progress}
	return e.explain(ctx, images, targets, 0, func(s subject) (Grid, map[string]float64, error) {
		return steepest(s.image, s.gradient), nil, nil
	})
}

// steepest is the largest absolute value over the channels. A NaN stays one.
func steepest[T float32 | float64](image Images, gradient []T) Grid {
	grid := NewGrid(image.Height, image.Width)
	for i := range grid.Values {
		var most T
		for _, g := range gradient[i*image.Channels : (i+1)*image.Channels] {
			most = max(most, g, -g)
		}
		grid.Values[i] = float32(most)
	}
	return grid
}
