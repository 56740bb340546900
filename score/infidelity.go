package score

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"oscar/explain"
)

// Infidelity is the error of a map as a prediction: how does a change I of the image change the
// class score (Yeh et al. 2019, arXiv:1901.09392)?
//
//	E_I[(beta I^T map - (f(x) - f(x-I)))^2]
//
// Maps have arbitrary units. Therefore beta is the best factor, E[I^T map (f(x) - f(x-I))] / E[(I^T
// map)^2], as in the authors' code, or 1 with Unscaled. With the best factor a map and its negative
// have the same value, so use another metric as well.
//
// A map has one value per pixel, and so has I. There are two kinds:
//
//   - "square": the pixels of one square take the mean color. Its side and place
//     are uniformly random. I^T map is the sum of the map within the square. It
//     suits maps of each pixel's contribution (CAMs, integrated gradients, LRP,
//     occlusion).
//   - "gaussian": I is normal noise, the same in all channels of a pixel. I^T map
//     is the product. It suits maps of the effect of a small change (gradients).
type Infidelity struct {
	Kind     string        `json:"kind,omitempty"`     // "": "square"
	Samples  int           `json:"samples,omitempty"`  // changes per image; 0: 64
	Side     float64       `json:"side,omitempty"`     // the largest side relative to the image's shorter side; 0: the authors' 10/28
	Mean     []float32     `json:"mean,omitempty"`     // color of a square; nil: the image's mean
	Sigma    float64       `json:"sigma,omitempty"`    // standard deviation of the noise relative to 255; 0: 0.1
	Unscaled bool          `json:"unscaled,omitempty"` // beta = 1
	Score    explain.Score `json:"score,omitempty"`    // f; "": explain.Logit

	change change // replaces Kind in tests
}

// A change writes x-I to out, and I (one value per pixel) to weights, which is zero before.
type change func(random *rand.Rand, image, out, weights []float32)

// Judge returns "infidelity".
func (n Infidelity) Judge(ctx context.Context, s Sample) (Values, error) {
	if err := s.check("infidelity", NeedsModel); err != nil {
		return nil, err
	}
	if err := checkColor("infidelity", n.Mean, s.Images.Channels); err != nil {
		return nil, err
	}
	change, err := n.changeOf(s.Images)
	if err != nil {
		return nil, err
	}
	if n.Samples < 1 {
		n.Samples = 64
	}
	f := func(o outcome) float64 { return o.Logit }
	if n.Score == explain.Probability {
		f = func(o outcome) float64 { return o.Probability }
	}

	judgeable := 0
	for _, g := range s.Maps {
		if nonZero(g) == explain.OK {
			judgeable++
		}
	}
	unchanged := make([]float64, s.Images.N)
	products, changed := make([][]float64, s.Images.N), make([][]float64, s.Images.N)
	weights := make([]float32, s.Images.Height*s.Images.Width)
	batcher := s.predictions(ctx, judgeable*(n.Samples+1))
	for i, g := range s.Maps {
		if nonZero(g) != explain.OK {
			continue
		}
		image, heat := s.image(i), s.heat(i)
		copy(batcher.Next(), image)
		if err := batcher.Submit(s.Targets[i], func(o outcome) { unchanged[i] = f(o) }); err != nil {
			return nil, err
		}
		products[i], changed[i] = make([]float64, n.Samples), make([]float64, n.Samples)
		random := stream(s.Seed, "infidelity", digest(image))
		for k := range n.Samples {
			clear(weights)
			change(random, image, batcher.Next(), weights)
			for p, w := range weights {
				products[i][k] += float64(w) * float64(heat.Values[p])
			}
			if err := batcher.Submit(s.Targets[i], func(o outcome) { changed[i][k] = f(o) }); err != nil {
				return nil, err
			}
		}
	}
	if err := batcher.Flush(); err != nil {
		return nil, err
	}
	return Values{"infidelity": s.each(func(i int) Value {
		if status := nonZero(s.Maps[i]); status != explain.OK {
			return unjudged(status)
		}
		for k := range changed[i] {
			changed[i][k] = unchanged[i] - changed[i][k]
		}
		return judged(infidelity(products[i], changed[i], !n.Unscaled))
	})}, nil
}

// infidelity returns the mean square of beta*products - losses.
func infidelity(products, losses []float64, scaled bool) float64 {
	beta := 1.0
	if scaled {
		both, square := 0.0, 0.0
		for k, p := range products {
			both += p * losses[k]
			square += p * p
		}
		if square > 0 {
			beta = both / square
		}
	}
	sum := 0.0
	for k, p := range products {
		d := beta*p - losses[k]
		sum += d * d
	}
	return sum / float64(len(products))
}

// changeOf returns the change of n.Kind.
func (n Infidelity) changeOf(m explain.Images) (change, error) {
	switch {
	case n.change != nil:
		return n.change, nil
	case n.Score != "" && n.Score != explain.Logit && n.Score != explain.Probability:
		return nil, fmt.Errorf("infidelity: no score %q; have %s, %s", n.Score, explain.Logit, explain.Probability)
	}
	switch n.Kind {
	case "", "square":
		share := n.Side
		if share <= 0 {
			share = 10.0 / 28
		}
		shorter := min(m.Height, m.Width)
		largest := min(max(int(math.Round(share*float64(shorter))), 1), shorter)
		m.N = 1
		return func(random *rand.Rand, image, out, weights []float32) {
			m.Pixels = image
			square(random, largest, m, meanColor(m, n.Mean), image, out, weights)
		}, nil
	case "gaussian":
		sigma := n.Sigma
		if sigma <= 0 {
			sigma = 0.1
		}
		return func(random *rand.Rand, image, out, weights []float32) {
			for p := range weights {
				weights[p] = float32(random.NormFloat64() * sigma * 255)
			}
			for i, v := range image {
				out[i] = v - weights[i/m.Channels]
			}
		}, nil
	}
	return nil, fmt.Errorf("infidelity: no kind %q; have square, gaussian", n.Kind)
}

// square paints one square in the color and marks it in weights.
func square(random *rand.Rand, largest int, m explain.Images, color, image, out, weights []float32) {
	copy(out, image)
	side := 1 + random.IntN(largest)
	top, left := random.IntN(m.Height-side+1), random.IntN(m.Width-side+1)
	for y := top; y < top+side; y++ {
		for x := left; x < left+side; x++ {
			p := y*m.Width + x
			weights[p] = 1
			copy(out[p*m.Channels:(p+1)*m.Channels], color)
		}
	}
}
