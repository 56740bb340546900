package explain

import (
	"cmp"
	"context"
)

// IntegratedGradients shares out the difference that the image x makes to the
// score f, compared with a baseline x', by the gradient along the straight way
// between them:
//
//	M(y,x) = sum over channels of (x-x') * integral from 0 to 1 of df/dx at x' + t (x-x') dt
//
// Sundararajan, Taly, Yan 2017, arXiv:1703.01365, eq. 1. The integral is by the
// Gauss-Legendre rule, which never asks at the ends. The map's sum is
// f(x) - f(x') (completeness, their proposition 1), but for what the rule
// misses: by how much tells whether Steps are enough.
//
// Its facts: "baseline_score", f(x'); "gap", the map's sum less f(x) - f(x').
type IntegratedGradients struct {
	Model    Differentiator
	Score    Score                 // "" is Logit
	Baseline Baseline              // nil is Black
	Steps    int                   // 0 is 50
	Batch    int                   // 0 is DefaultBatch
	Progress func(done, total int) // images shown to the model
}

// Explain implements [Explainer].
func (g IntegratedGradients) Explain(ctx context.Context, images Images, targets []int) ([]Attribution, error) {
	steps := cmp.Or(g.Steps, 50)
	at, weights := gaussLegendre(steps)
	e := engine{"integrated-gradients", differentiating(g.Model, cmp.Or(g.Score, Logit)), g.Batch, g.Progress}
	// One sample more, the last, asks for the score of the baseline.
	return e.explain(ctx, images, targets, steps+1, func(s subject) (Grid, map[string]float64, error) {
		from := g.Baseline.of(s.image, Black)
		integral := make([]float64, len(from))
		var baseline float32
		err := s.vary(func(step int, pixels []float32) {
			if step == steps {
				copy(pixels, from)
				return
			}
			for i, p := range s.image.Pixels {
				pixels[i] = float32(float64(from[i]) + at[step]*(float64(p)-float64(from[i])))
			}
		}, func(step int, a answer) {
			if step == steps {
				baseline = a.score
				return
			}
			for i, v := range a.gradient {
				integral[i] += weights[step] * float64(v)
			}
		})
		total := 0.0
		grid := overChannels(s.image, func(i int) float64 {
			share := (float64(s.image.Pixels[i]) - float64(from[i])) * integral[i]
			total += share
			return share
		})
		return grid, map[string]float64{
			"baseline_score": float64(baseline),
			"gap":            total - (float64(s.score) - float64(baseline)),
		}, err
	})
}
