package heatmap

import (
	"image"
	"image/color"
	"strconv"

	"oscar/explain"
)

// bar is a horizontal colour bar with its scale under it.
type bar struct {
	colours ColorMap
	labels  []string // spread from left to right: two, or three with a middle
}

// newBar gives a map's scale in its own unit: 0 to its maximum, or to both
// sides of 0.
func newBar(m ColorMap, g explain.Grid) *bar {
	low, high := g.Range()
	if m.Diverging() {
		bound := number(max(high, -low))
		return &bar{m, []string{"-" + bound, "0", "+" + bound}}
	}
	return &bar{m, []string{"0", "max " + number(high)}}
}

// number writes a value in two or three digits: 3.2e-02, 0.413, 12.5, 1.8e+04.
func number(v float32) string {
	if v >= 0.1 && v < 1000 {
		return strconv.FormatFloat(float64(v), 'g', 3, 32)
	}
	return strconv.FormatFloat(float64(v), 'e', 1, 32)
}

// minWidth is the least at which the labels stand apart.
func (b *bar) minWidth(text int) int {
	width := (len(b.labels) - 1) * text
	for _, label := range b.labels {
		width += textWidth(label, text)
	}
	return width
}

// height of the bar and its labels, by their font size.
func (b *bar) height(text int) int { return times(text, 0.75) + 1 + times(text, lineHeight) }

// draw draws the bar, (x,y) its top left corner.
func (b *bar) draw(img *image.RGBA, x, y, width, text int) {
	deep := times(text, 0.75)
	frame := color.RGBA{200, 200, 200, 255}
	for dy := range deep {
		row := img.Pix[img.PixOffset(x, y+dy):]
		for dx := range width {
			c := b.colours.At(float32(dx) / float32(max(width-1, 1)))
			if dy == 0 || dy == deep-1 || dx == 0 || dx == width-1 {
				c = frame
			}
			copy(row[4*dx:], []uint8{c.R, c.G, c.B, c.A})
		}
	}
	for i, label := range b.labels {
		free := width - textWidth(label, text)
		DrawText(img, label, x+free*i/(len(b.labels)-1), y+deep+1, text, white)
	}
}
