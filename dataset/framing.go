package dataset

import (
	"fmt"
	"image"

	"oscar/internal/named"
)

// An Aspect selects how an image is fitted to an input with other proportions.
type Aspect string

// The aspects.
const (
	Stretch   Aspect = "stretch"   // the proportions change; the default
	Letterbox Aspect = "letterbox" // the whole image, with bars on two sides
	Crop      Aspect = "crop"      // the largest central part with the input's proportions
)

// Aspects lists the aspects, the default first.
func Aspects() []Aspect { return []Aspect{Stretch, Letterbox, Crop} }

// A Framing describes how an image becomes an input of a fixed size.
type Framing struct {
	Height        int           `json:"height"` // of the input, in pixels
	Width         int           `json:"width"`
	Interpolation Interpolation `json:"interpolation"` // "" is Bilinear
	Aspect        Aspect        `json:"aspect"`        // "" is Stretch
	Padding       int           `json:"padding"`       // the gray of letterbox's bars, 0 to 255
}

// Check returns an error for the first invalid value.
func (f Framing) Check() error {
	if f.Height <= 0 || f.Width <= 0 {
		return fmt.Errorf("batch images of height %d and width %d: both must be positive", f.Height, f.Width)
	}
	if f.Height > maxSide || f.Width > maxSide {
		return fmt.Errorf("batch images of height %d and width %d: the limit is %d a side", f.Height, f.Width, maxSide)
	}
	if _, err := ParseInterpolation(string(f.Interpolation)); err != nil {
		return err
	}
	return CheckAspect(f.Aspect, f.Padding)
}

// CheckAspect returns an error for an unknown aspect, or for padding without letterbox.
func CheckAspect(a Aspect, padding int) error {
	if a != "" {
		if err := named.Check("aspect", a, Aspects()); err != nil {
			return err
		}
	}
	switch {
	case padding < 0 || padding > 255:
		return fmt.Errorf("padding is %d, want a gray from 0 to 255", padding)
	case padding != 0 && a != Letterbox:
		return fmt.Errorf("padding is %d, which only the aspect letterbox has", padding)
	}
	return nil
}

// Stretches reports whether every image is stretched to the input.
func (f Framing) Stretches() bool { return f.Aspect == "" || f.Aspect == Stretch }

// Place returns the visible part of an image of that size, and its rectangle in the input. It equals
// tf.image.resize_with_pad and Keras's smart_resize: the remainder is divided evenly, and an odd
// pixel goes to the right or below.
func (f Framing) Place(size image.Point) (seen, placed image.Rectangle) {
	seen, placed = image.Rectangle{Max: size}, image.Rect(0, 0, f.Width, f.Height)
	w, h := size.X, size.Y
	wide, high := w*f.Height, h*f.Width // proportions of the image and of the input
	switch {
	case f.Aspect == Letterbox && wide > high:
		top := (f.Height*w - high) / (2 * w)
		placed = image.Rect(0, top, f.Width, top+max(1, high/w))
	case f.Aspect == Letterbox && wide < high:
		left := (f.Width*h - wide) / (2 * h)
		placed = image.Rect(left, 0, left+max(1, wide/h), f.Height)
	case f.Aspect == Crop && wide > high:
		width := max(1, high/f.Height)
		seen = image.Rect((w-width)/2, 0, (w-width)/2+width, h)
	case f.Aspect == Crop && wide < high:
		height := max(1, wide/f.Width)
		seen = image.Rect(0, (h-height)/2, w, (h-height)/2+height)
	}
	return seen, placed
}

// Apply returns the input for an image. It panics for values that Check refuses, and for an empty
// image.
func (f Framing) Apply(img *image.RGBA) *image.RGBA {
	if f.Stretches() {
		return Resize(img, f.Height, f.Width, f.Interpolation)
	}
	seen, placed := f.Place(img.Rect.Size())
	part := img.SubImage(seen.Add(img.Rect.Min)).(*image.RGBA)
	part.Rect = image.Rectangle{Max: seen.Size()}
	part = Resize(part, placed.Dy(), placed.Dx(), f.Interpolation)
	if placed.Dx() == f.Width && placed.Dy() == f.Height {
		return part
	}
	out := image.NewRGBA(image.Rect(0, 0, f.Width, f.Height))
	for i := range out.Pix {
		out.Pix[i] = uint8(f.Padding)
		if i%4 == 3 {
			out.Pix[i] = 255
		}
	}
	for y := range placed.Dy() {
		copy(out.Pix[out.PixOffset(placed.Min.X, placed.Min.Y+y):][:4*placed.Dx()], part.Pix[y*part.Stride:])
	}
	return out
}

// cacheKey returns a text that identifies the settings of an input's pixels.
func (f Framing) cacheKey() string {
	key := fmt.Sprintf("%dx%d %s", f.Height, f.Width, f.Interpolation)
	if f.Stretches() {
		return key
	}
	return fmt.Sprintf("%s %s %d", key, f.Aspect, f.Padding)
}
