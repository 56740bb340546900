package explain

import (
	"cmp"
	"context"
	"math"
)

// IntegratedGradients distributes the difference between the score f of the
// image x and that of a baseline x'. It integrates the gradient along the
// straight path between them:
//
//	M(y,x) = sum over channels of (x-x') * integral from 0 to 1 of df/dx at x' + t (x-x') dt
//
// Sundararajan, Taly, Yan 2017, arXiv:1703.01365, eq. 1. The integral is computed by the
// Gauss-Legendre rule, whose points are never at the ends. The map's sum is f(x) - f(x')
// (completeness, their proposition 1) except for the error of the rule. The fact "gap" shows whether
// Steps are enough.
//
// Its facts: "baseline_score", f(x'); "gap", the map's sum minus (f(x) - f(x')).
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
	steps := cmp.Or(g.Steps, integrationSteps)
	points, weights := gaussLegendre(steps)
	e := engine{"integrated-gradients", Image, differentiating(g.Model, Image, cmp.Or(g.Score, Logit)), g.Batch, g.Progress}
	// The last sample is the baseline itself, for its score.
	return e.explain(ctx, images, targets, steps+1, func(s subject) (Grid, map[string]float64, error) {
		baseline := g.Baseline.of(s.image, Black)
		integral := make([]float64, len(baseline))
		var baselineScore float32
		err := s.vary(func(step int, pixels []float32) {
			if step == steps {
				copy(pixels, baseline)
				return
			}
			for i, p := range s.image.Pixels {
				pixels[i] = float32(float64(baseline[i]) + points[step]*(float64(p)-float64(baseline[i])))
			}
		}, func(first int, outputs []output) {
			if last := len(outputs) - 1; first+last == steps {
				baselineScore = outputs[last].score
				outputs = outputs[:last]
			}
			spreadRange(len(integral), func(from, to int) {
				for k, o := range outputs {
					for i, v := range o.gradient.Values[from:to] {
						integral[from+i] += weights[first+k] * float64(v)
					}
				}
			})
		})
		total := 0.0
		grid, _ := overChannels(s.gradient, func(i int) float64 {
			share := (float64(s.image.Pixels[i]) - float64(baseline[i])) * integral[i]
			total += share
			return share
		})
		return grid, map[string]float64{
			"baseline_score": float64(baselineScore),
			"gap":            total - (float64(s.score) - float64(baselineScore)),
		}, err
	})
}

// gaussLegendre returns the n points, ascending, and weights that integrate
// polynomials of degree up to 2n-1 over 0..1 exactly. The points are the zeros z
// of the Legendre polynomial P_n, by Newton's method, moved from -1..1. The
// weights are 1 / ((1-z^2) P_n'(z)^2). (gonum's quad.Legendre rounds its points
// differently, which would change maps in their last bits.)
func gaussLegendre(n int) (points, weights []float64) {
	n = max(n, 0)
	points, weights = make([]float64, n), make([]float64, n)
	for i := range n {
		z := -math.Cos(math.Pi * (float64(i) + 0.75) / (float64(n) + 0.5))
		var slope float64
		for range 100 {
			p, before := 1.0, 0.0 // P_k and P_(k-1)
			for k := 1.0; k <= float64(n); k++ {
				p, before = ((2*k-1)*z*p-(k-1)*before)/k, p
			}
			slope = float64(n) * (z*p - before) / (z*z - 1)
			step := p / slope
			z -= step
			if math.Abs(step) < 1e-15 {
				break
			}
		}
		points[i] = (1 + z) / 2
		weights[i] = 1 / ((1 - z*z) * slope * slope)
	}
	return points, weights
}
