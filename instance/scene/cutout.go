package scene

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	_ "image/png" // images with an alpha channel
	"math"

	"oscar/dataset"
	"oscar/internal/paths"
)

// cutout is an object without its background.
type cutout struct {
	class         int
	height, width int
	color         []float32 // [height,width,3], 0..255
	alpha         []float32 // [height,width], 0..1
	cut           sides     // the sides at which the photograph cuts the object
	source
}

// cutoutSide is the maximum side of a reduced photograph, in pixels.
const cutoutSide = 256

// maxAlphaBytes is the maximum size of a file whose alpha channel is read, in bytes.
const maxAlphaBytes = 64 << 20

// newCutout cuts the object out of a photograph, by the alpha channel if there is one, else against
// a plain background. If there is no clean object, the error is the reason.
func newCutout(path string, class int, limits dataset.Limits) (*cutout, error) {
	img, err := dataset.DecodeFile(path, limits)
	if err != nil {
		return nil, err
	}
	size := img.Rect.Size()
	scale := min(1, cutoutSide/float64(max(size.X, size.Y)))
	height, width := max(1, int(float64(size.Y)*scale)), max(1, int(float64(size.X)*scale))
	small := dataset.Resize(img, height, width, dataset.Bilinear)
	alpha, err := alphaOf(path, height, width)
	if err != nil {
		return nil, err
	}
	var cut sides
	if alpha == nil {
		if min(height, width) < 16 {
			return nil, errors.New("the picture is smaller than 16 pixels")
		}
		if alpha, cut, err = cutFromBackground(small); err != nil {
			return nil, err
		}
	}
	c := &cutout{class: class, height: height, width: width, alpha: alpha, cut: cut, color: make([]float32, 3*height*width)}
	c.source = source{photo: size, reduced: image.Pt(width, height)}
	for i := range alpha {
		for k := range 3 {
			c.color[3*i+k] = float32(small.Pix[4*i+k])
		}
	}
	return c.cropped()
}

// alphaOf returns the alpha channel of a PNG file, resized; nil if it has none.
func alphaOf(path string, height, width int) ([]float32, error) {
	b, err := paths.ReadFile(path, maxAlphaBytes)
	if err != nil {
		return nil, nil // too large for a second decoding
	}
	if !bytes.HasPrefix(b, []byte("\x89PNG")) {
		return nil, nil
	}
	img, _, err := image.Decode(bytes.NewReader(b)) // the first decoding checked its size
	if err != nil {
		return nil, err
	}
	if o, ok := img.(interface{ Opaque() bool }); ok && o.Opaque() {
		return nil, nil
	}
	size := img.Bounds().Size()
	gray := image.NewRGBA(image.Rectangle{Max: size})
	for y := range size.Y {
		for x := range size.X {
			_, _, _, a := img.At(img.Bounds().Min.X+x, img.Bounds().Min.Y+y).RGBA()
			at := gray.PixOffset(x, y)
			gray.Pix[at], gray.Pix[at+3] = uint8(a>>8), 255
		}
	}
	small := dataset.Resize(gray, height, width, dataset.Bilinear)
	out := make([]float32, height*width)
	for i := range out {
		out[i] = float32(small.Pix[4*i]) / 255
	}
	return out, nil
}

// cropped returns the object without its transparent borders.
func (c *cutout) cropped() (*cutout, error) {
	left, top, right, bottom := c.width, c.height, 0, 0
	for i, a := range c.alpha {
		if a >= 0.5 {
			x, y := i%c.width, i/c.width
			left, right, top, bottom = min(left, x), max(right, x+1), min(top, y), max(bottom, y+1)
		}
	}
	if right-left < 8 || bottom-top < 8 {
		return nil, fmt.Errorf("the object is smaller than 8 pixels")
	}
	left, top, right, bottom = max(0, left-1), max(0, top-1), min(c.width, right+1), min(c.height, bottom+1)
	out := &cutout{class: c.class, cut: c.cut, source: c.source, height: bottom - top, width: right - left}
	out.origin = image.Pt(left, top)
	for y := top; y < bottom; y++ {
		out.color = append(out.color, c.color[3*(y*c.width+left):3*(y*c.width+right)]...)
		out.alpha = append(out.alpha, c.alpha[y*c.width+left:y*c.width+right]...)
	}
	return out, nil
}

// at returns alpha, and color times alpha, at row y and column x; zeros outside.
func (c *cutout) at(y, x float64) (color [3]float64, alpha float64) {
	row, column := math.Floor(y), math.Floor(x)
	for dy := range 2 {
		for dx := range 2 {
			i, j := int(row)+dy, int(column)+dx
			if i < 0 || j < 0 || i >= c.height || j >= c.width {
				continue
			}
			weight := (1 - math.Abs(y-float64(i))) * (1 - math.Abs(x-float64(j))) * float64(c.alpha[i*c.width+j])
			alpha += weight
			for k := range 3 {
				color[k] += weight * float64(c.color[3*(i*c.width+j)+k])
			}
		}
	}
	return color, alpha
}
