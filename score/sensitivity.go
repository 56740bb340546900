package score

import (
	"context"
	"math"
	"math/rand/v2"

	"oscar/explain"
)

// Sensitivity is the change of the map under small changes of the image (Yeh et al.
// 2019, arXiv:1901.09392):
//
//	max over d, |d|_inf <= r, of ||map(x+d) - map(x)|| / ||map(x)||
//
// in the Frobenius norm, at the map's own resolution. As in Captum's sensitivity_max the maximum is
// over uniform draws of d, with one value per channel of a pixel, and x+d is not clipped. The class
// is fixed.
type Sensitivity struct {
	Radius  float64 `json:"radius,omitempty"`  // r, relative to the pixel range 255; 0: 0.02
	Samples int     `json:"samples,omitempty"` // draws per image; 0: 10

	noise func(k int, out []float32) // replaces the draws in tests
}

// Judge returns "max_sensitivity". The maps of the sample must be those of its
// explainer.
func (n Sensitivity) Judge(ctx context.Context, s Sample) (Values, error) {
	if err := s.check("max_sensitivity", NeedsExplainer); err != nil {
		return nil, err
	}
	if n.Radius <= 0 {
		n.Radius = 0.02
	}
	if n.Samples < 1 {
		n.Samples = 10
	}
	judgeable := 0
	for _, g := range s.Maps {
		if nonZero(g) == explain.OK {
			judgeable++
		}
	}
	largest := make([]float64, s.Images.N)
	batcher := s.explanations(ctx, s.Explainer, judgeable*n.Samples)
	for i, g := range s.Maps {
		if nonZero(g) != explain.OK {
			continue
		}
		noise := n.noise
		if noise == nil {
			noise = n.uniform(stream(s.Seed, "max_sensitivity", digest(s.image(i))))
		}
		for k := range n.Samples {
			out := batcher.Next()
			noise(k, out)
			for p, v := range s.image(i) {
				out[p] += v
			}
			err := batcher.Submit(s.Targets[i], func(moved explain.Grid) {
				largest[i] = max(largest[i], distance(moved, g)/norm(g)) // NaN is kept
			})
			if err != nil {
				return nil, err
			}
		}
	}
	if err := batcher.Flush(); err != nil {
		return nil, err
	}
	return Values{"max_sensitivity": s.each(func(i int) Value {
		if status := nonZero(s.Maps[i]); status != explain.OK {
			return unjudged(status)
		}
		return judged(largest[i])
	})}, nil
}

// uniform returns a function that draws d.
func (n Sensitivity) uniform(random *rand.Rand) func(k int, out []float32) {
	return func(_ int, out []float32) {
		for p := range out {
			out[p] = float32((2*random.Float64() - 1) * n.Radius * 255)
		}
	}
}

// distance returns the Frobenius norm of a-b, or NaN if their shapes differ.
func distance(a, b explain.Grid) float64 {
	if a.Height != b.Height || a.Width != b.Width {
		return math.NaN()
	}
	sum := 0.0
	for i, v := range a.Values {
		d := float64(v) - float64(b.Values[i])
		sum += d * d
	}
	return math.Sqrt(sum)
}

// norm returns the Frobenius norm.
func norm(g explain.Grid) float64 {
	sum := 0.0
	for _, v := range g.Values {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}
