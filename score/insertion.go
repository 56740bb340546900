package score

import (
	"context"
	"math"
)

// Insertion puts pixels of the image into a blurred copy of it, the highest ranked first, and
// records the probability of the class (Petsiuk et al. 2018, RISE, arXiv:1806.07421). If the map is
// right, the probability rises quickly and the area under the curve (see [Deletion]) is large.
type Insertion struct {
	Steps  int       `json:"steps,omitempty"`  // as in Deletion; 0: 32
	Kernel int       `json:"kernel,omitempty"` // width of the blur in pixels; 0: 11
	Sigma  float64   `json:"sigma,omitempty"`  // standard deviation of the blur in pixels; 0: 5
	Mean   []float32 `json:"mean,omitempty"`   // color outside of the image; nil: the image's mean
}

// Judge returns "insertion".
func (n Insertion) Judge(ctx context.Context, s Sample) (Values, error) {
	curves, err := n.Curves(ctx, s)
	if err != nil {
		return nil, err
	}
	return Values{"insertion": s.areas(curves)}, nil
}

// Curves returns the probabilities s_0..s_n of each image, or nil if the map cannot be ranked.
func (n Insertion) Curves(ctx context.Context, s Sample) ([][]float64, error) {
	if err := s.check("insertion", NeedsModel); err != nil {
		return nil, err
	}
	if err := checkColor("insertion", n.Mean, s.Images.Channels); err != nil {
		return nil, err
	}
	if n.Kernel < 1 {
		n.Kernel = 11
	}
	if n.Sigma <= 0 {
		n.Sigma = 5
	}
	kernel := blurKernel(n.Kernel, n.Sigma)
	return curves(ctx, s, n.Steps, func(i int) (start, end []float32) {
		image := s.image(i)
		outside := meanColor(s.Images.Slice(i, i+1), n.Mean)
		return blur(image, s.Images.Height, s.Images.Width, kernel, outside), image
	})
}

// blurKernel returns one axis of the authors' kernel: a unit impulse in the middle of width samples,
// filtered with a Gaussian that is reflected at both ends and truncated at four standard deviations
// (scipy's gaussian_filter). For width 11 and sigma 5 it is nearly flat.
func blurKernel(width int, sigma float64) []float64 {
	radius := int(4*sigma + 0.5)
	kernel := make([]float64, width)
	sum := 0.0
	for d := -radius; d <= radius; d++ {
		w := math.Exp(-float64(d*d) / (2 * sigma * sigma))
		kernel[reflected(width/2+d, width)] += w
		sum += w
	}
	for i := range kernel {
		kernel[i] /= sum
	}
	return kernel
}

// reflected maps an index into 0..n-1: d c b a | a b c d | d c b a.
func reflected(i, n int) int {
	i %= 2 * n
	if i < 0 {
		i += 2 * n
	}
	return min(i, 2*n-1-i)
}

// blur filters the rows, then the columns. Outside of the image it uses the color outside, because
// the authors' code pads with zeros after normalization.
func blur(image []float32, height, width int, kernel []float64, outside []float32) []float32 {
	channels := len(outside)
	middle := len(kernel) / 2
	// A line has count values, which are stride apart.
	filter := func(out, in []float64, count, stride int) {
		for x := range count {
			sum := 0.0
			for k, w := range kernel {
				if at := x + k - middle; at >= 0 && at < count {
					sum += w * in[at*stride]
				}
			}
			out[x*stride] = sum
		}
	}
	from, to := make([]float64, len(image)), make([]float64, len(image))
	for i, v := range image {
		from[i] = float64(v) - float64(outside[i%channels])
	}
	for y := range height {
		for c := range channels {
			start := y*width*channels + c
			filter(to[start:], from[start:], width, channels)
		}
	}
	for x := range width * channels {
		filter(from[x:], to[x:], height, width*channels)
	}
	out := make([]float32, len(image))
	for i, v := range from {
		out[i] = float32(v + float64(outside[i%channels]))
	}
	return out
}
