package heatmap

import (
	"image"

	"oscar/dataset"
	"oscar/explain"
)

// Blend lays a map over an image:
//
//	out = (1-alpha) image + alpha color(heat)
//
// rounded to 8 bits. heat has values 0..1 at any size and is resized to the image.
// alpha is clipped to 0..1. The result is a new image whose bounds begin at (0,0).
// A grid without values leaves the image unchanged.
func Blend(img *image.RGBA, heat explain.Grid, cm ColorMap, alpha float64) *image.RGBA {
	return BlendFramed(img, heat, dataset.Framing{}, cm, alpha)
}

// BlendFramed is [Blend] of the map of an input that was made by f: the map lies where
// the model saw the image. What a crop left out is darkened.
func BlendFramed(img *image.RGBA, heat explain.Grid, f dataset.Framing, cm ColorMap, alpha float64) *image.RGBA {
	size := img.Rect.Size()
	if size.X == 0 || size.Y == 0 {
		return clone(img)
	}
	seen, part := partOf(f, size)
	whole := seen.Size() == size
	if !heat.Filled() {
		out := clone(img)
		shadeUnseen(out, seen)
		return out
	}
	out := image.NewRGBA(image.Rectangle{Max: size})
	if !whole {
		out = clone(img)
		shadeUnseen(out, seen)
	}
	mix := newMixer(cm, alpha)
	height, width := seen.Dy(), seen.Dx()
	rows := heat.PartRows(part, height, width)
	values := make([]float32, width)
	for y := range height {
		rows.Row(values, y)
		from := img.PixOffset(img.Rect.Min.X+seen.Min.X, img.Rect.Min.Y+seen.Min.Y+y)
		mix.row(out.Pix[out.PixOffset(seen.Min.X, seen.Min.Y+y):][:4*width], img.Pix[from:][:4*width], values)
	}
	return out
}

// mixer has both terms of the blend for every byte, in 16.16 fixed point.
type mixer struct {
	image [256]uint32    // (1-alpha) p, plus a half for rounding
	color [256][4]uint32 // alpha color
}

func newMixer(cm ColorMap, alpha float64) *mixer {
	if !(alpha > 0) { // also NaN
		alpha = 0
	}
	cm = cm.orJet()
	share := uint32(min(alpha, 1)*(1<<16) + 0.5)
	var m mixer
	for i := range uint32(256) {
		m.image[i] = i*(1<<16-share) + 1<<15
		m.color[i] = [4]uint32{
			share * uint32(cm.rgb[3*i]),
			share * uint32(cm.rgb[3*i+1]),
			share * uint32(cm.rgb[3*i+2]),
			share * 255,
		}
	}
	return &m
}

// row blends one row of RGBA pixels.
func (m *mixer) row(out, pixels []uint8, values []float32) {
	for _, v := range values {
		c, p, q := &m.color[entry(v)&255], pixels[:4:4], out[:4:4]
		q[0] = uint8((m.image[p[0]] + c[0]) >> 16)
		q[1] = uint8((m.image[p[1]] + c[1]) >> 16)
		q[2] = uint8((m.image[p[2]] + c[2]) >> 16)
		q[3] = uint8((m.image[p[3]] + c[3]) >> 16)
		pixels, out = pixels[4:], out[4:]
	}
}

// clone copies an image, or a part of one, to bounds that begin at (0,0).
func clone(img *image.RGBA) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, img.Rect.Dx(), img.Rect.Dy()))
	for y := range out.Rect.Dy() {
		from := img.PixOffset(img.Rect.Min.X, img.Rect.Min.Y+y)
		copy(out.Pix[y*out.Stride:][:4*out.Rect.Dx()], img.Pix[from:])
	}
	return out
}
