package explain

import (
	"fmt"
	"strings"
)

// A Baseline says what an image looks like where nothing is to be seen: it
// fills nothing, of the image's size. There is no neutral choice. A black one
// hides black objects, so a result that hangs on the baseline is no result:
// try two.
type Baseline func(nothing []float32, image Images)

// Black is zero everywhere.
func Black(nothing []float32, _ Images) { clear(nothing) }

// Gray is the middle of 0..255 everywhere.
func Gray(nothing []float32, _ Images) {
	for i := range nothing {
		nothing[i] = 127.5
	}
}

// Mean is the image's own mean colour everywhere.
func Mean(nothing []float32, image Images) {
	sums := make([]float64, image.Channels)
	for i, p := range image.Pixels {
		sums[i%image.Channels] += float64(p)
	}
	for i := range nothing {
		nothing[i] = float32(sums[i%image.Channels] / float64(image.Height*image.Width))
	}
}

// Picture is a given image, of the size of those explained, or one pixel of it:
// a colour.
func Picture(pixels ...float32) Baseline {
	return func(nothing []float32, _ Images) {
		for i := range nothing {
			nothing[i] = pixels[i%len(pixels)]
		}
	}
}

// baselines are those that have a name.
var baselines = []struct {
	name string
	fill Baseline
}{{"black", Black}, {"gray", Gray}, {"mean", Mean}}

// ParseBaseline reads "black", "gray" or "mean".
func ParseBaseline(name string) (Baseline, error) {
	var names []string
	for _, b := range baselines {
		if b.name == name {
			return b.fill, nil
		}
		names = append(names, b.name)
	}
	return nil, fmt.Errorf("no baseline %q; have %s", name, strings.Join(names, ", "))
}

// of makes the baseline of one image; a nil one is otherwise.
func (b Baseline) of(image Images, otherwise Baseline) []float32 {
	if b == nil {
		b = otherwise
	}
	nothing := make([]float32, len(image.Pixels))
	b(nothing, image)
	return nothing
}
