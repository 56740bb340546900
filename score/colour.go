package score

import "fmt"

// checkColour refuses a colour of another number of channels; none at all is
// fine.
func checkColour(name string, colour []float32, channels int) error {
	if colour != nil && len(colour) != channels {
		return fmt.Errorf("%s: a mean colour of %d values for images of %d channels", name, len(colour), channels)
	}
	return nil
}

// meanColour is the given colour or, if there is none, the image's mean.
func meanColour(image []float32, channels int, given []float32) []float32 {
	if given != nil {
		return given
	}
	sums := make([]float64, channels)
	for i, v := range image {
		sums[i%channels] += float64(v)
	}
	colour := make([]float32, channels)
	for c, sum := range sums {
		colour[c] = float32(sum / float64(len(image)/channels))
	}
	return colour
}

// filled is a picture of one colour.
func filled(size int, colour []float32) []float32 {
	out := make([]float32, size)
	for i := range out {
		out[i] = colour[i%len(colour)]
	}
	return out
}
