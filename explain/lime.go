package explain

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// LIME approximates the model near the image by a linear model of the image's superpixels:
//
//	f(z) = intercept + sum_j b_j z_j,  z_j = 1 where superpixel j is shown
//
// Ribeiro, Singh, Guestrin 2016, arXiv:1602.04938, eq. 1-2. The first z shows
// all superpixels. The others show each superpixel with probability 1/2; a hidden
// one takes its own mean color. b is a ridge regression with a free intercept,
// weighted by sqrt(exp(-d^2/Width^2)), where d is the cosine distance of z to the
// first z. The authors' code does the same, but cuts superpixels by quickshift
// and may leave some out of the fit. The map has b_j at superpixel j.
//
// The linear model may fit badly, which the map does not show. Its facts:
// "superpixels" and "samples", their numbers; "intercept"; "r2", the weighted
// share of the score's variance that the fit explains.
type LIME struct {
	Model    Predictor
	Score    Score                     // "" is Probability
	Segment  func(Images) Segmentation // cuts one image; nil is SLIC{}.Segment
	Samples  int                       // including the first z; 0 is 1000
	Width    float64                   // of the kernel; 0 is 0.25
	Alpha    float64                   // the ridge's penalty; 0 is 1
	Seed     uint64                    // see Randomness in the package's comment
	Batch    int                       // 0 is DefaultBatch
	Progress func(done, total int)     // images shown to the model
}

// Explain implements [Explainer].
func (l LIME) Explain(ctx context.Context, images Images, targets []int) ([]Attribution, error) {
	samples, width, alpha := cmp.Or(l.Samples, limeSamples), cmp.Or(l.Width, 0.25), cmp.Or(l.Alpha, 1)
	if samples < 1 || !(width > 0) || !(alpha > 0) {
		return nil, fmt.Errorf("lime: %d samples, width %g, alpha %g: want at least 1 sample, the others above 0", samples, width, alpha)
	}
	segment := l.Segment
	if segment == nil {
		segment = SLIC{}.Segment
	}
	e := engine{"lime", Image, predicting(l.Model, cmp.Or(l.Score, Probability)), l.Batch, l.Progress}
	// The first z is the image itself, whose score the engine has.
	return e.explain(ctx, images, targets, samples-1, func(s subject) (Grid, map[string]float64, error) {
		superpixels := segment(s.image)
		if err := superpixels.check(s.image); err != nil {
			return Grid{}, nil, fmt.Errorf("lime: %w", err)
		}
		hidden := superpixels.mean(s.image)
		streams := streamsOf(l.Seed, s.image)
		shown := make([][]bool, samples)
		shown[0] = make([]bool, superpixels.Count)
		for j := range shown[0] {
			shown[0][j] = true
		}
		scores := make([]float64, samples)
		scores[0] = float64(s.score)
		unchanged := make([]bool, samples) // whether the sample is the image itself
		err := s.vary(func(sample int, pixels []float32) {
			z := coins(streams.sample(sample+1), superpixels.Count)
			shown[sample+1] = z
			for i, label := range superpixels.Labels {
				from, to := i*s.image.Channels, (i+1)*s.image.Channels
				if z[label] {
					copy(pixels[from:to], s.image.Pixels[from:to])
				} else {
					copy(pixels[from:to], hidden[from:to])
				}
			}
			unchanged[sample+1] = slices.Equal(pixels, s.image.Pixels)
		}, func(first int, outputs []output) {
			for k, o := range outputs {
				sample := first + k + 1
				scores[sample] = float64(o.score)
				if unchanged[sample] {
					// The model can round differently in a batch of another size.
					scores[sample] = scores[0]
				}
			}
		})
		if err != nil {
			return Grid{}, nil, err
		}
		fit := ridge(shown, scores, proximity(shown, width), alpha)
		grid := NewGrid(s.image.Height, s.image.Width)
		for i, label := range superpixels.Labels {
			grid.Values[i] = float32(fit.coefficients[label])
		}
		return grid, map[string]float64{
			"superpixels": float64(superpixels.Count), "samples": float64(samples), "intercept": fit.intercept, "r2": fit.r2,
		}, nil
	})
}

// coins returns the results of n fair coin tosses.
func coins(random *rand.Rand, n int) []bool {
	z := make([]bool, n)
	for i := range z {
		z[i] = random.Uint64()>>63 == 1
	}
	return z
}

// proximity returns the samples' weights by their cosine distance to the sample that shows
// everything: 1 - (number shown / sqrt(number shown * number of superpixels)). A sample that shows
// nothing has distance 1.
func proximity(shown [][]bool, width float64) []float64 {
	weights := make([]float64, len(shown))
	for i, z := range shown {
		n := 0
		for _, on := range z {
			if on {
				n++
			}
		}
		d := 1 - math.Sqrt(float64(n)/float64(len(z)))
		weights[i] = math.Sqrt(math.Exp(-d * d / (width * width)))
	}
	return weights
}
