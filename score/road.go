package score

import (
	"context"
	"fmt"

	"oscar/explain"
)

// ROAD (remove and debias) removes a share of the pixels and fills the holes from their neighbors
// (noisy linear imputation), so that neither the color nor the shape of a hole reveals the removed
// content (Rong, Leemann et al. 2022, arXiv:2202.00449). Pixels are removed by rank. Removing the
// most relevant first (MoRF) should lower the probability of the class. Removing the least relevant
// first (LeRF) should not.
//
// "road_morf" and "road_lerf" are means over the shares: the probability after the removal minus
// that of the image. "road" is (LeRF - MoRF)/2, as ROADCombined of pytorch-grad-cam. A random map
// has about 0.
type ROAD struct {
	Shares []float64 `json:"shares,omitempty"` // shares to remove; nil: 0.1, 0.2 ... 0.9
	// Noise is the standard deviation of the normal noise on each filled value, relative to the pixel
	// range 255; 0: the authors' 0.01.
	Noise     float64 `json:"noise,omitempty"`
	Noiseless bool    `json:"noiseless,omitempty"` // fill without noise
	// Tolerance is the residual, relative to the right side, at which the linear system counts as
	// solved. 0: 1e-5, which is an error below 1e-4 of the range.
	Tolerance float64 `json:"tolerance,omitempty"`
}

// Removal is the effect of removing pixels of one image.
type Removal struct {
	Before     float64 // the class's probability
	MoRF, LeRF []float64
	// Whether the class is still predicted after each removal. The authors' accuracy curves use this.
	MoRFKept, LeRFKept []bool
}

// Judge returns "road", "road_morf" and "road_lerf".
func (r ROAD) Judge(ctx context.Context, s Sample) (Values, error) {
	removals, err := r.Curves(ctx, s)
	if err != nil {
		return nil, err
	}
	value := func(of func(morf, lerf float64) float64) []Value {
		return s.each(func(i int) Value {
			if r := removals[i]; r != nil {
				return judged(of(average(r.MoRF)-r.Before, average(r.LeRF)-r.Before))
			}
			return unjudged(rankable(s.Maps[i]))
		})
	}
	return Values{
		"road":      value(func(morf, lerf float64) float64 { return (lerf - morf) / 2 }),
		"road_morf": value(func(morf, _ float64) float64 { return morf }),
		"road_lerf": value(func(_, lerf float64) float64 { return lerf }),
	}, nil
}

// Curves returns the removals of each image, with one value per share. It is nil if the map cannot
// be ranked.
func (r ROAD) Curves(ctx context.Context, s Sample) ([]*Removal, error) {
	if err := s.check("road", NeedsModel); err != nil {
		return nil, err
	}
	r, err := r.withDefaults()
	if err != nil {
		return nil, err
	}
	list := make([]*Removal, s.Images.N)
	judgeable := 0
	for i := range list {
		if rankable(s.Maps[i]) == explain.OK {
			n := len(r.Shares)
			list[i] = &Removal{MoRF: make([]float64, n), LeRF: make([]float64, n), MoRFKept: make([]bool, n), LeRFKept: make([]bool, n)}
			judgeable++
		}
	}
	batcher := s.predictions(ctx, judgeable*(1+2*len(r.Shares)))
	holes := newImputer(s.Images.Height, s.Images.Width, r.Tolerance)
	for i, removal := range list {
		if removal == nil {
			continue
		}
		copy(batcher.Next(), s.image(i))
		if err := batcher.Submit(s.Targets[i], func(o outcome) { removal.Before = o.Probability }); err != nil {
			return nil, err
		}
		order, noise := descending(s.heat(i)), r.noise(s, i)
		for k, share := range r.Shares {
			n := removed(share, len(order))
			for side, holed := range [][]int{order[:n], order[len(order)-n:]} {
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				image := batcher.Next()
				copy(image, s.image(i))
				holes.fill(image, holed)
				noise(image, holed, side, k)
				err := batcher.Submit(s.Targets[i], func(o outcome) {
					kept := o.Best == s.Targets[i]
					if side == 0 {
						removal.MoRF[k], removal.MoRFKept[k] = o.Probability, kept
					} else {
						removal.LeRF[k], removal.LeRFKept[k] = o.Probability, kept
					}
				})
				if err != nil {
					return nil, err
				}
			}
		}
	}
	return list, batcher.Flush()
}

func (r ROAD) withDefaults() (ROAD, error) {
	if r.Shares == nil {
		r.Shares = []float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}
	}
	if len(r.Shares) == 0 {
		return r, fmt.Errorf("road: no shares to remove")
	}
	for _, share := range r.Shares {
		if !(share > 0 && share < 1) {
			return r, fmt.Errorf("road: cannot remove a share of %v; want 0 < share < 1", share)
		}
	}
	switch {
	case r.Noiseless:
		r.Noise = 0
	case r.Noise == 0:
		r.Noise = 0.01
	}
	if r.Tolerance <= 0 {
		r.Tolerance = 1e-5
	}
	return r, nil
}

// removed returns the number of positions in a share of n: at least 1, at most n-1.
func removed(share float64, n int) int {
	return min(max(int(share*float64(n)+0.5), 1), n-1)
}

// noise returns a function that adds normal noise to the filled values of image i. The noise differs
// for each side and share.
func (r ROAD) noise(s Sample, i int) func(image []float32, filled []int, side, k int) {
	if r.Noise == 0 {
		return func([]float32, []int, int, int) {}
	}
	about, channels := digest(s.image(i)), s.Images.Channels
	return func(image []float32, filled []int, side, k int) {
		random := stream(s.Seed, "road", about, side, k)
		for _, p := range filled {
			for c := range channels {
				image[p*channels+c] += float32(random.NormFloat64() * r.Noise * 255)
			}
		}
	}
}
