package explain

import (
	"cmp"
	"context"
	"slices"
)

// Saliency is the steepness of the score at each pixel:
//
//	M(y,x) = max over channels of |d score / d image(y,x,channel)|
//
// Simonyan, Vedaldi, Zisserman 2013, arXiv:1312.6034, section 3.1. They take
// the score before the softmax. The map is never negative: it shows where the
// score is sensitive, not in which direction.
type Saliency struct {
	Model    Differentiator
	Score    Score                 // "" is Logit
	Batch    int                   // 0 is DefaultBatch
	Progress func(done, total int) // images shown to the model
}

// Explain implements [Explainer].
func (s Saliency) Explain(ctx context.Context, images Images, targets []int) ([]Attribution, error) {
	e := engine{"saliency", Image, differentiating(s.Model, Image, cmp.Or(s.Score, Logit)), s.Batch, s.Progress}
	return e.explain(ctx, images, targets, 0, func(s subject) (Grid, map[string]float64, error) {
		return largestMagnitude(s.image, s.gradient.Values), nil, nil
	})
}

// GradientTimesInput is each pixel's share of the score of a linear model:
//
//	M(y,x) = sum over channels of image(y,x,channel) * d score / d image(y,x,channel)
//
// Shrikumar, Greenside, Kundaje 2017, arXiv:1704.02685, section 3.1. The map's sum is the score if
// the model has no biases and is linear or piecewise linear by ReLUs. A black pixel has no share,
// even if the model uses it.
type GradientTimesInput struct {
	Model    Differentiator
	Score    Score                 // "" is Logit
	Batch    int                   // 0 is DefaultBatch
	Progress func(done, total int) // images shown to the model
}

// Explain implements [Explainer].
func (g GradientTimesInput) Explain(ctx context.Context, images Images, targets []int) ([]Attribution, error) {
	e := engine{"gradient-x-input", Image, differentiating(g.Model, Image, cmp.Or(g.Score, Logit)), g.Batch, g.Progress}
	return e.explain(ctx, images, targets, 0, func(s subject) (Grid, map[string]float64, error) {
		grid, _ := overChannels(s.gradient, func(i int) float64 {
			return float64(s.image.Pixels[i]) * float64(s.gradient.Values[i])
		})
		return grid, nil, nil
	})
}

// SmoothGrad is the saliency of the mean gradient over noisy copies of the
// image:
//
//	M(y,x) = max over channels of |1/n sum_k d score / d image at (image + N(0, s^2))|
//
// Smilkov et al. 2017, arXiv:1706.03825, section 3. They find that s of 10 to
// 20 % of the image's range and n of 50 are enough. The order of the steps
// differs among implementations. Here signed gradients are averaged, which
// cancels noise. Then their magnitudes are reduced over the channels, as
// [Saliency] does. Noisy pixels are not clipped to 0..255.
//
// Its facts: "sigma", the noise's standard deviation in pixel values.
type SmoothGrad struct {
	Model    Differentiator
	Score    Score                 // "" is Logit
	Samples  int                   // n; 0 is 50
	Sigma    float64               // s relative to the image's max-min; 0: 0.15, below 0: no noise
	Seed     uint64                // see Randomness in the package's comment
	Batch    int                   // 0 is DefaultBatch
	Progress func(done, total int) // images shown to the model
}

// Explain implements [Explainer].
func (g SmoothGrad) Explain(ctx context.Context, images Images, targets []int) ([]Attribution, error) {
	samples := cmp.Or(g.Samples, smoothGradSamples)
	e := engine{"smoothgrad", Image, differentiating(g.Model, Image, cmp.Or(g.Score, Logit)), g.Batch, g.Progress}
	return e.explain(ctx, images, targets, samples, func(s subject) (Grid, map[string]float64, error) {
		sigma := max(cmp.Or(g.Sigma, 0.15), 0) * float64(slices.Max(s.image.Pixels)-slices.Min(s.image.Pixels))
		streams := streamsOf(g.Seed, s.image)
		sum := make([]float64, len(s.image.Pixels))
		err := s.vary(func(sample int, pixels []float32) {
			random := streams.sample(sample)
			for i, p := range s.image.Pixels {
				pixels[i] = float32(float64(p) + sigma*random.NormFloat64())
			}
		}, func(_ int, outputs []output) {
			spreadRange(len(sum), func(from, to int) {
				for _, o := range outputs {
					for i, v := range o.gradient.Values[from:to] {
						sum[from+i] += float64(v)
					}
				}
			})
		})
		for i := range sum {
			sum[i] /= float64(samples)
		}
		return largestMagnitude(s.image, sum), map[string]float64{"sigma": sigma}, err
	})
}

// largestMagnitude returns the largest absolute value over the channels of each pixel. NaN is kept.
func largestMagnitude[T float32 | float64](image Images, gradient []T) Grid {
	grid := NewGrid(image.Height, image.Width)
	for i := range grid.Values {
		var largest T
		for _, g := range gradient[i*image.Channels : (i+1)*image.Channels] {
			largest = max(largest, g, -g)
		}
		grid.Values[i] = float32(largest)
	}
	return grid
}

// overChannels returns the sum over the channels at each position, and the total. value returns the
// value at an index; nil means v's own values.
func overChannels(v Volume, value func(i int) float64) (grid Grid, total float64) {
	if value == nil {
		value = func(i int) float64 { return float64(v.Values[i]) }
	}
	grid = NewGrid(v.Height, v.Width)
	for i := range grid.Values {
		sum := 0.0
		for c := range v.Channels {
			sum += value(i*v.Channels + c)
		}
		grid.Values[i] = float32(sum)
		total += sum
	}
	return grid, total
}
