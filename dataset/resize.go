package dataset

import (
	"fmt"
	"image"

	"oscar/internal/named"

	"github.com/nfnt/resize"
)

// An Interpolation is the filter of Resize. When it scales down, the filter widens by the scale, so
// that every source pixel counts (as in Pillow, and in TensorFlow with antialias).
type Interpolation string

// The interpolations.
const (
	Nearest  Interpolation = "nearest"  // when it scales down: the mean of the covered pixels
	Bilinear Interpolation = "bilinear" // the default
	Bicubic  Interpolation = "bicubic"  // Catmull-Rom
	Mitchell Interpolation = "mitchell" // Mitchell-Netravali
	Lanczos2 Interpolation = "lanczos2"
	Lanczos3 Interpolation = "lanczos3"
)

var filters = []struct {
	name   Interpolation
	filter resize.InterpolationFunction
}{
	{Bilinear, resize.Bilinear},
	{Nearest, resize.NearestNeighbor},
	{Bicubic, resize.Bicubic},
	{Mitchell, resize.MitchellNetravali},
	{Lanczos2, resize.Lanczos2},
	{Lanczos3, resize.Lanczos3},
}

// Interpolations lists the known names, the default first.
func Interpolations() []Interpolation {
	names := make([]Interpolation, len(filters))
	for i, f := range filters {
		names[i] = f.name
	}
	return names
}

// ParseInterpolation checks a name; "" means Bilinear.
func ParseInterpolation(s string) (Interpolation, error) {
	if s == "" {
		return Bilinear, nil
	}
	return named.Find("interpolation", s, Interpolations(), func(i Interpolation) string { return string(i) })
}

// Resize scales an image to height x width pixels, ignoring its aspect ratio. It returns an image of
// this size itself. It panics for a size that is not positive, an empty image or an unknown
// interpolation; "" means Bilinear.
func Resize(img *image.RGBA, height, width int, how Interpolation) *image.RGBA {
	if height <= 0 || width <= 0 || img.Rect.Empty() {
		panic(fmt.Sprintf("dataset: resize %v to %dx%d: sizes must be positive", img.Rect, height, width))
	}
	how, err := ParseInterpolation(string(how))
	if err != nil {
		panic("dataset: resize: " + err.Error())
	}
	if img.Rect.Dy() == height && img.Rect.Dx() == width {
		return img
	}
	if how == Bilinear {
		if out := bilinear(img, height, width); out != nil {
			return out
		}
	}
	for _, f := range filters {
		if f.name == how {
			return resize.Resize(uint(width), uint(height), img, f.filter).(*image.RGBA)
		}
	}
	panic("unreachable")
}

// CopyRGB writes the pixels of an image to dst as [H, W, 3], row-major, without
// alpha. It panics if dst is shorter than 3 x height x width.
func CopyRGB(dst []uint8, img *image.RGBA) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	dst = dst[:3*w*h]
	for y := range h {
		row := img.Pix[y*img.Stride : y*img.Stride+4*w]
		out := dst[3*w*y : 3*w*(y+1)]
		for len(row) >= 4 && len(out) >= 3 {
			out[0], out[1], out[2] = row[0], row[1], row[2]
			row, out = row[4:], out[3:]
		}
	}
}

// Fit reduces an image, bilinearly, until its longer side has at most side pixels. It returns a
// smaller image itself.
func Fit(img *image.RGBA, side int) *image.RGBA {
	size := img.Bounds().Size()
	most := max(size.X, size.Y)
	if most <= side {
		return img
	}
	return Resize(img, max(1, size.Y*side/most), max(1, size.X*side/most), Bilinear)
}
