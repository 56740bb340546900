package explain

import "oscar/internal/named"

// A Baseline fills dst with the reference image x' of the given image, of the
// same size. No choice is neutral: a black baseline hides black objects. Try two,
// and do not trust a result that depends on the baseline.
type Baseline func(dst []float32, image Images)

// Black is zero everywhere.
func Black(dst []float32, _ Images) { clear(dst) }

// Gray is the middle of 0..255 everywhere.
func Gray(dst []float32, _ Images) {
	for i := range dst {
		dst[i] = 127.5
	}
}

// Mean is the image's own mean color everywhere.
func Mean(dst []float32, image Images) {
	sums := make([]float64, image.Channels)
	for i, p := range image.Pixels {
		sums[i%image.Channels] += float64(p)
	}
	for i := range dst {
		dst[i] = float32(sums[i%image.Channels] / float64(image.Height*image.Width))
	}
}

// Picture returns a baseline that is the given image, which must have the size of the explained
// ones. A single pixel is a color.
func Picture(pixels ...float32) Baseline {
	return func(dst []float32, _ Images) {
		for i := range dst {
			dst[i] = pixels[i%len(pixels)]
		}
	}
}

// namedBaseline is a baseline and its name.
type namedBaseline struct {
	name string
	fill Baseline
}

var baselines = []namedBaseline{{"black", Black}, {"gray", Gray}, {"mean", Mean}}

// ParseBaseline returns the baseline called "black", "gray" or "mean".
func ParseBaseline(name string) (Baseline, error) {
	b, err := named.Find("baseline", name, baselines, func(b namedBaseline) string { return b.name })
	return b.fill, err
}

// of returns the baseline of one image. A nil b means fallback.
func (b Baseline) of(image Images, fallback Baseline) []float32 {
	if b == nil {
		b = fallback
	}
	dst := make([]float32, len(image.Pixels))
	b(dst, image)
	return dst
}
