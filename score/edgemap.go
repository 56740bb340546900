package score

import (
	"context"
	"math"

	"oscar/explain"
)

// EdgeMap is a control: an edge detector, whose maps look like explanations but do not depend on the
// model (Adebayo et al. 2018, arXiv:1810.03292). It is the magnitude of the Sobel gradient of the
// luma, with repeated border pixels. The luma is Rec. 601's, 0.299 R + 0.587 G + 0.114 B, or the
// mean of the channels if there are not three.
type EdgeMap struct{}

var _ explain.Explainer = EdgeMap{}

// Explain returns one map per image, with the image's size.
func (EdgeMap) Explain(_ context.Context, images explain.Images, targets []int) ([]explain.Attribution, error) {
	return each("edges", images, targets, func(image []float32) explain.Grid {
		light := luma(image, images.Channels)
		height, width := images.Height, images.Width
		at := func(y, x int) float64 {
			return light[min(max(y, 0), height-1)*width+min(max(x, 0), width-1)]
		}
		grid := explain.NewGrid(height, width)
		for i := range grid.Values {
			y, x := i/width, i%width
			dx, dy := 0.0, 0.0
			for k, w := range [3]float64{1, 2, 1} {
				dx += w * (at(y+k-1, x+1) - at(y+k-1, x-1))
				dy += w * (at(y+1, x+k-1) - at(y-1, x+k-1))
			}
			grid.Values[i] = float32(math.Hypot(dx, dy))
		}
		return grid
	})
}

// luma is the weighted mean of the channels of each pixel.
func luma(image []float32, channels int) []float64 {
	weights := make([]float64, channels)
	for c := range weights {
		weights[c] = 1 / float64(channels)
	}
	if channels == 3 {
		weights = []float64{0.299, 0.587, 0.114}
	}
	light := make([]float64, len(image)/channels)
	for i, v := range image {
		light[i/channels] += weights[i%channels] * float64(v)
	}
	return light
}
