package explain

import "fmt"

// Segmentation cuts an image into superpixels: each pixel, row by row, has the
// number of its superpixel, 0 to Count-1.
type Segmentation struct {
	Height, Width, Count int
	Labels               []int
}

// check reports a segmentation that is not one of the image.
func (s Segmentation) check(image Images) error {
	if s.Height != image.Height || s.Width != image.Width || len(s.Labels) != s.Height*s.Width {
		return fmt.Errorf("a segmentation of %dx%d, %d labels, for an image of %dx%d",
			s.Height, s.Width, len(s.Labels), image.Height, image.Width)
	}
	for _, label := range s.Labels {
		if label < 0 || label >= s.Count {
			return fmt.Errorf("superpixel %d of %d", label, s.Count)
		}
	}
	return nil
}

// mean is the image with each superpixel in its mean colour.
func (s Segmentation) mean(image Images) []float32 {
	sums := make([]float64, s.Count*image.Channels)
	sizes := make([]float64, s.Count)
	for i, label := range s.Labels {
		sizes[label]++
		for c := range image.Channels {
			sums[label*image.Channels+c] += float64(image.Pixels[i*image.Channels+c])
		}
	}
	flat := make([]float32, len(image.Pixels))
	for i, label := range s.Labels {
		for c := range image.Channels {
			flat[i*image.Channels+c] = float32(sums[label*image.Channels+c] / sizes[label])
		}
	}
	return flat
}
