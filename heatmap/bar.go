package heatmap

import (
	"image"
	"image/color"
)

// Bar is a horizontal color bar with labels under it.
type Bar struct {
	colors ColorMap
	labels []string // at the left and the right end
}

// Labels at the ends of a bar. A manifest row has the numbers of the scale: scale and
// base.
const (
	Low, High    = "low", "high"
	Against, For = "against", "for"
)

// bar returns the bar with the meaning of the colors: little to much evidence for the
// class, or evidence against and for it.
func (o Options) bar() *Bar {
	if o.Map.Diverging() {
		return &Bar{o.Map, []string{Against, For}}
	}
	return &Bar{o.Map, []string{Low, High}}
}

// minWidth is the least width at which the labels do not touch.
func (b *Bar) minWidth(text int) int {
	width := (len(b.labels) - 1) * text
	for _, label := range b.labels {
		width += textWidth(label, text)
	}
	return width
}

// height of the bar and its labels, by their font size.
func (b *Bar) height(text int) int { return times(text, 0.75) + 1 + times(text, lineHeight) }

// draw draws the bar, (x,y) its top left corner.
func (b *Bar) draw(img *image.RGBA, x, y, width, text int, ink color.Color) {
	deep := times(text, 0.75)
	frame := color.RGBA{200, 200, 200, 255}
	for dy := range deep {
		row := img.Pix[img.PixOffset(x, y+dy):]
		for dx := range width {
			c := b.colors.At(float32(dx) / float32(max(width-1, 1)))
			if dy == 0 || dy == deep-1 || dx == 0 || dx == width-1 {
				c = frame
			}
			copy(row[4*dx:], []uint8{c.R, c.G, c.B, c.A})
		}
	}
	for i, label := range b.labels {
		free := width - textWidth(label, text)
		DrawText(img, label, x+free*i/(len(b.labels)-1), y+deep+1, text, ink)
	}
}
