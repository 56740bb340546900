package explain

import (
	"cmp"
	"context"
	"slices"
)

// SmoothGrad is the saliency of the gradient's mean over noisy copies of the
// image:
//
//	M(y,x) = max over channels of |1/n sum_k d score / d image at (image + N(0, s^2))|
//
// Smilkov et al. 2017, arXiv:1706.03825, section 3, which finds s of 10 to 20 %
// of the image's range, and n of 50, to do. The order matters and differs among
// implementations: here the gradients are averaged with their signs, so that
// what is noise cancels, and only then made absolute and reduced over the
// channels, as [Saliency] does. Noisy pixels are not clipped to 0..255.
//
// Its facts: "sigma", the noise's standard deviation in pixel values.
type SmoothGrad struct {
	Model    Differentiator
	Score    Score                 // "" is Logit
	Samples  int                   // n; 0 is 50
	Sigma    float64               // s as a share of the image's max-min; 0 is 0.15, below 0 no noise
	Seed     uint64                // see Randomness in the package's comment
	Batch    int                   // 0 is DefaultBatch
	Progress func(done, total int) // images shown to the model
}

// Explain implements [Explainer].
func (g SmoothGrad) Explain(ctx context.Context, images Images, targets []int) ([]Attribution, error) {
	samples := cmp.Or(g.Samples, 50)
	e := engine{"smoothgrad", differentiating(g.Model, cmp.Or(g.Score, Logit)), g.Batch, g.Progress}
	return e.explain(ctx, images, targets, samples, func(s subject) (Grid, map[string]float64, error) {
		sigma := max(cmp.Or(g.Sigma, 0.15), 0) * float64(slices.Max(s.image.Pixels)-slices.Min(s.image.Pixels))
		draws := drawsOf(g.Seed, s.image)
		sum := make([]float64, len(s.image.Pixels))
		err := s.vary(func(sample int, pixels []float32) {
			random := draws.sample(sample)
			for i, p := range s.image.Pixels {
				pixels[i] = float32(float64(p) + sigma*random.NormFloat64())
			}
		}, func(_ int, a answer) {
			for i, v := range a.gradient {
				sum[i] += float64(v)
			}
		})
		for i := range sum {
			sum[i] /= float64(samples)
		}
		return steepest(s.image, sum), map[string]float64{"sigma": sigma}, err
	})
}
