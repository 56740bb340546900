package page

import "image/color"

// ColorBar shows a colour map's colours, and what its ends mean.
type ColorBar struct {
	Title             string // "" if there is only one bar
	Color             func(share float32) color.RGBA
	Low, Middle, High string
}

func (ColorBar) template() string { return "colorbar" }

// barSteps is the number of rectangles of a colour bar.
const barSteps = 64

// stop is a rectangle of a colour bar, in the units of its view box.
type stop struct {
	At   int
	Fill string
}

// Stops returns the rectangles of the bar, from the left.
func (b ColorBar) Stops() []stop {
	out := make([]stop, barSteps)
	for i := range out {
		c := b.Color((float32(i) + 0.5) / barSteps)
		out[i] = stop{i, hex(c)}
	}
	return out
}

func hex(c color.RGBA) string {
	const digits = "0123456789abcdef"
	out := []byte{'#'}
	for _, v := range []uint8{c.R, c.G, c.B} {
		out = append(out, digits[v>>4], digits[v&15])
	}
	return string(out)
}
