package heatmap

import (
	"image"
	"image/color"
	"strconv"
)

// Bar is a horizontal colour bar with its scale under it.
type Bar struct {
	colours ColorMap
	labels  []string // spread from left to right: two, or three with a middle
}

// bar has the scale in the map's own unit: from 0 or the base to the value of the
// full colour, or to both sides of 0. Its labels show whether that is the map's
// maximum and whether values exceed it.
func (o Options) bar() *Bar {
	scale := o.scale()
	full := number(scale)
	low, high := o.Heat.Range()
	if o.Map.Diverging() {
		from, to := "-"+full, "+"+full
		if low < -scale {
			from = "≤ " + from
		}
		if high > scale {
			to = "≥ " + to
		}
		return &Bar{o.Map, []string{from, "0", to}}
	}
	switch {
	case high == scale:
		full = "max " + full
	case high > scale:
		full = "≥ " + full
	}
	none := "0"
	if o.Base != 0 {
		none = number(o.Base)
	}
	return &Bar{o.Map, []string{none, full}}
}

// number writes a value in two or three digits: 3.2e-02, 0.413, 12.5, 1.8e+04.
func number(v float32) string {
	if v >= 0.1 && v < 1000 {
		return strconv.FormatFloat(float64(v), 'g', 3, 32)
	}
	return strconv.FormatFloat(float64(v), 'e', 1, 32)
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
			c := b.colours.At(float32(dx) / float32(max(width-1, 1)))
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
