package page

import "image/color"

// ColorBar shows the colors of a color map, with the meaning of its ends.
type ColorBar struct {
	Title             string // "" if there is only one bar
	Color             func(share float32) color.RGBA
	Low, Middle, High string
}

func (ColorBar) template() string { return "colorbar" }

// barStops is the number of colors of a bar; colors between them are interpolated.
const barStops = 33

// stop is a color of a bar, at a percentage of its width.
type stop struct{ At, Fill string }

// Stops returns the colors of the bar, from the left.
func (b ColorBar) Stops() []stop {
	out := make([]stop, barStops)
	for i := range out {
		share := float64(i) / (barStops - 1)
		out[i] = stop{fixed(100 * share), hex(b.Color(float32(share)))}
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
