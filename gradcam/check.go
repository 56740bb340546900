package gradcam

import (
	"fmt"

	"oscar/explain"
)

// checkCounts reports a differential that has not one of everything for each of
// n images.
func checkCounts(d explain.Differential, n int) error {
	for _, part := range []struct {
		name  string
		count int
	}{
		{"activations", len(d.Activations)},
		{"gradients", len(d.Gradients)},
		{"targets", len(d.Targets)},
		{"scores", len(d.Scores)},
	} {
		if part.count != n {
			return fmt.Errorf("the model gave %d %s for %d images", part.count, part.name, n)
		}
	}
	return nil
}

// checkPair reports activations and gradients that do not fit each other, or
// whose values do not fill their shape.
func checkPair(activations, gradients explain.Volume) error {
	a, g := activations, gradients
	if a.Height != g.Height || a.Width != g.Width || a.Channels != g.Channels {
		return fmt.Errorf("activations are %s but gradients %s; want one shape", shape(a), shape(g))
	}
	if err := checkVolume(a); err != nil {
		return err
	}
	if len(g.Values) != len(a.Values) {
		return fmt.Errorf("%d gradients for the shape %s; want %d", len(g.Values), shape(g), len(a.Values))
	}
	return nil
}

// checkVolume reports activations whose values do not fill their shape.
func checkVolume(a explain.Volume) error {
	if a.Height < 1 || a.Width < 1 || a.Channels < 1 {
		return fmt.Errorf("activations are %s; want [height,width,channels] of at least 1", shape(a))
	}
	if want := a.Height * a.Width * a.Channels; len(a.Values) != want {
		return fmt.Errorf("%d activations for the shape %s; want %d", len(a.Values), shape(a), want)
	}
	return nil
}

// checkImage reports anything but one image whose pixels fill its shape.
func checkImage(image explain.Images) error {
	if want := image.Height * image.Width * image.Channels; image.N != 1 || want < 1 || len(image.Pixels) != want {
		return fmt.Errorf("%d pixel values for an image of shape [%d,%d,%d,%d]; want one whole image",
			len(image.Pixels), image.N, image.Height, image.Width, image.Channels)
	}
	return nil
}

func shape(v explain.Volume) string {
	return fmt.Sprintf("[%d,%d,%d]", v.Height, v.Width, v.Channels)
}
