package serve

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"strconv"
	"strings"

	"golang.org/x/image/draw"
	"golang.org/x/image/math/f64"
)

// edits are changes of a picture, in this order: rotate, crop, cover parts, blur.
type edits struct {
	rotate  float64 // degrees, clockwise, about the center
	crop    box     // the part that is kept; zero: everything
	patches []box   // covered with the picture's mean color, after cropping
	blur    float64 // standard deviation of a Gaussian, in percent of the longer side
}

// box is a part of a picture: left, top, width and height in percent.
type box [4]float64

// The limits of edits.
const (
	maxPatches = 20
	maxBlur    = 20
)

// editsOf reads the edits of a view.
func editsOf(v view) (e edits, err error) {
	number := func(name, text string, low, high float64) float64 {
		if text == "" || err != nil {
			return 0
		}
		x, wrong := strconv.ParseFloat(text, 64)
		if wrong != nil || !(x >= low && x <= high) {
			err = fmt.Errorf("%s is %q, want a number from %g to %g", name, text, low, high)
		}
		return x
	}
	e.rotate, e.blur = number("rotate", v.Rotate, -360, 360), number("blur", v.Blur, 0, maxBlur)
	if v.Crop != "" && err == nil {
		e.crop, err = parseBox("crop", v.Crop)
	}
	if v.Patch != "" && err == nil {
		list := strings.Split(strings.Trim(v.Patch, "; "), ";")
		if len(list) > maxPatches {
			return e, fmt.Errorf("patch has %d parts, want at most %d", len(list), maxPatches)
		}
		for _, text := range list {
			b, wrong := parseBox("patch", text)
			if wrong != nil {
				return e, wrong
			}
			e.patches = append(e.patches, b)
		}
	}
	return e, err
}

// parseBox reads "10,20,30,40".
func parseBox(name, text string) (b box, err error) {
	parts := strings.Split(text, ",")
	ok := len(parts) == 4
	for i := 0; ok && i < 4; i++ {
		b[i], err = strconv.ParseFloat(strings.TrimSpace(parts[i]), 64)
		ok = err == nil && b[i] >= 0 && b[i] <= 100
	}
	if !ok || b[2] == 0 || b[3] == 0 || b[0] >= 100 || b[1] >= 100 {
		return b, fmt.Errorf("%s is %q, want left, top, width, height in percent, as 25,25,50,50", name, text)
	}
	return b, nil
}

// in returns the box in pixels of a picture, clipped to the picture and not empty.
func (b box) in(r image.Rectangle) image.Rectangle {
	at := func(share float64, size int) int { return int(math.Round(share / 100 * float64(size))) }
	x, y := min(at(b[0], r.Dx()), r.Dx()-1), min(at(b[1], r.Dy()), r.Dy()-1)
	return image.Rect(x, y, max(x+1, at(b[0]+b[2], r.Dx())), max(y+1, at(b[1]+b[3], r.Dy()))).Intersect(image.Rect(0, 0, r.Dx(), r.Dy()))
}

// none reports whether the edits do not change the picture.
func (e edits) none() bool {
	return math.Mod(e.rotate, 360) == 0 && e.crop == box{} && len(e.patches) == 0 && e.blur == 0
}

// apply returns the edited picture. Its bounds start at (0,0).
func (e edits) apply(photo *image.RGBA) *image.RGBA {
	if e.none() {
		return photo
	}
	fill := image.NewUniform(meanColor(photo))
	out := image.NewRGBA(photo.Rect)
	if math.Mod(e.rotate, 360) == 0 {
		copy(out.Pix, photo.Pix)
	} else {
		draw.Draw(out, out.Rect, fill, image.Point{}, draw.Src)
		sin, cos := math.Sincos(e.rotate * math.Pi / 180)
		x, y := float64(photo.Rect.Dx())/2, float64(photo.Rect.Dy())/2
		m := f64.Aff3{cos, -sin, x - cos*x + sin*y, sin, cos, y - sin*x - cos*y}
		draw.BiLinear.Transform(out, m, photo, photo.Rect, draw.Over, nil)
	}
	if (e.crop != box{}) {
		part := e.crop.in(out.Rect)
		cropped := image.NewRGBA(image.Rect(0, 0, part.Dx(), part.Dy()))
		draw.Draw(cropped, cropped.Rect, out, part.Min, draw.Src)
		out = cropped
	}
	for _, b := range e.patches {
		draw.Draw(out, b.in(out.Rect), fill, image.Point{}, draw.Src)
	}
	if e.blur > 0 {
		blur(out, e.blur/100*float64(max(out.Rect.Dx(), out.Rect.Dy())))
	}
	return out
}

// meanColor returns the mean color of a picture.
func meanColor(photo *image.RGBA) color.RGBA {
	var sums [3]uint64
	for i := 0; i+3 < len(photo.Pix); i += 4 {
		for c := range sums {
			sums[c] += uint64(photo.Pix[i+c])
		}
	}
	n := max(uint64(len(photo.Pix)/4), 1)
	return color.RGBA{uint8((sums[0] + n/2) / n), uint8((sums[1] + n/2) / n), uint8((sums[2] + n/2) / n), 255}
}

// blur blurs a picture by three box filters in each direction, whose variances add up to
// that of a Gaussian with standard deviation sigma, in pixels. Edges are repeated.
func blur(photo *image.RGBA, sigma float64) {
	// A box of width 2r+1 has the variance ((2r+1)^2-1)/12.
	r := int(math.Round((math.Sqrt(4*sigma*sigma+1) - 1) / 2))
	if r < 1 {
		return
	}
	width, height := photo.Rect.Dx(), photo.Rect.Dy()
	line := make([]int, max(width, height))
	for range 3 {
		for c := range 3 {
			for y := range height {
				blurLine(photo.Pix[y*photo.Stride+c:], 4, width, r, line)
			}
			for x := range width {
				blurLine(photo.Pix[4*x+c:], photo.Stride, height, r, line)
			}
		}
	}
}

// blurLine replaces n values, a step apart, by the means of boxes of 2r+1 values.
func blurLine(pix []uint8, step, n, r int, line []int) {
	for i := range n {
		line[i] = int(pix[i*step])
	}
	at := func(i int) int { return line[min(max(i, 0), n-1)] }
	sum := 0
	for i := -r; i <= r; i++ {
		sum += at(i)
	}
	size := 2*r + 1
	for i := range n {
		pix[i*step] = uint8((sum + size/2) / size)
		sum += at(i+r+1) - at(i-r)
	}
}
