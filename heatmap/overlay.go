package heatmap

import (
	"cmp"
	"image"
	"strings"

	"oscar/dataset"
	"oscar/explain"
)

// The default opacities of the colors in an overlay.
const (
	DefaultAlpha       = 0.4
	DefaultSignedAlpha = 0.6 // of a diverging color map
)

// Options have the content and the style of an [Overlay].
type Options struct {
	Heat explain.Grid // the signed, unscaled map of the model's input, at any resolution
	// Framing is how the image became the model's input; zero value: stretched.
	Framing dataset.Framing
	Map     ColorMap // jet if zero; a diverging one draws negative values too
	Scale   float32  // value drawn with the full color; 0: the map's maximum
	Base    float32  // value drawn without color; not for diverging color maps
	Alpha   float64  // opacity of the colors, above 0 to 1; 0: DefaultAlpha, or DefaultSignedAlpha
	Title   string   // the predicted class and its probability: "glass 0.93"
	Note    string   // what is drawn: "grad-cam conv5, target glass"
	Faint   bool     // the map is not drawn because its values are negligible
}

// Overlay returns the image at its own size, with the map's colors over it: [Positive], or [Signed]
// with a diverging color map, then [Blend]. A strip along the lower edge has the title, the note
// and a color bar: from low to high, or from "against the class" to "for the class". The text size
// depends on the image. Text that would be too small to read is omitted: first the note, then the
// bar, then the title.
//
// If the model got a crop of the image, the rest is darkened.
//
// If the map cannot be drawn, the image is unchanged, there is no bar, and the note starts with the
// reason.
func Overlay(img *image.RGBA, o Options) *image.RGBA {
	reason := o.nothingToShow()
	if reason != "" {
		out := clone(o.untouched(img))
		drawLegend(out, legend{title: o.Title, notes: []string{withReason(reason, o.Note), reason}})
		return out
	}
	out := o.blend(img)
	drawLegend(out, legend{title: o.Title, notes: []string{o.Note}, bar: o.bar()})
	return out
}

// Paint is [Overlay] without the strip. In a [Montage] the note and the color bar are below
// the picture, and there is no title.
func Paint(img *image.RGBA, o Options) Tile {
	if reason := o.nothingToShow(); reason != "" {
		return Tile{Image: o.untouched(img), Caption: withReason(reason, o.Note)}
	}
	return Tile{Image: o.blend(img), Caption: o.Note, Bar: o.bar()}
}

// blend blends the map's colors with the image. Under a diverging color map the image is
// gray, so that its reds and blues are not mistaken for the map's.
func (o Options) blend(img *image.RGBA) *image.RGBA {
	if o.Map.Diverging() {
		return BlendFramed(gray(img), signed(o.Heat, o.scale()), o.Framing, o.Map, cmp.Or(o.Alpha, DefaultSignedAlpha))
	}
	return BlendFramed(img, positive(above(o.Heat, o.Base), o.scale()-o.Base), o.Framing, o.Map, cmp.Or(o.Alpha, DefaultAlpha))
}

// untouched returns the image without a map. The part that the model did not see is darkened.
func (o Options) untouched(img *image.RGBA) *image.RGBA {
	if seen, _ := partOf(o.Framing, img.Rect.Size()); seen.Size() == img.Rect.Size() {
		return img
	}
	return BlendFramed(img, explain.Grid{}, o.Framing, o.Map, 1)
}

// above subtracts a base from every value.
func above(g explain.Grid, base float32) explain.Grid {
	if base == 0 {
		return g
	}
	out := explain.NewGrid(g.Height, g.Width)
	for i, v := range g.Values {
		out.Values[i] = v - base
	}
	return out
}

// OneSided draws a map without negative values in the positive half of a diverging color map, so
// that a color has the same meaning next to signed maps.
func (o Options) OneSided(diverging ColorMap) Options {
	full := o.scale()
	heat := above(o.Heat, o.Base)
	if o.Base == 0 {
		heat = explain.NewGrid(o.Heat.Height, o.Heat.Width)
		copy(heat.Values, o.Heat.Values)
	}
	for i, v := range heat.Values {
		heat.Values[i] = max(v, 0)
	}
	o.Heat, o.Map, o.Scale, o.Base, o.Alpha = heat, diverging, full-o.Base, 0, 0
	return o
}

// gray returns the image in gray.
func gray(img *image.RGBA) *image.RGBA {
	out := clone(img)
	for i := 0; i+3 < len(out.Pix); i += 4 {
		p := out.Pix[i : i+3 : i+3]
		// Luma, ITU-R BT.601.
		y := uint8((19595*uint32(p[0]) + 38470*uint32(p[1]) + 7471*uint32(p[2]) + 1<<15) >> 16)
		p[0], p[1], p[2] = y, y, y
	}
	return out
}

// scale returns the value with the full color.
func (o Options) scale() float32 {
	if o.Scale != 0 {
		return o.Scale
	}
	return Scale(o.Heat, 100, o.Map.Diverging())
}

// nothingToShow returns the reason why the map cannot be drawn, or "".
func (o Options) nothingToShow() string {
	if !o.Heat.Filled() {
		return "no map"
	}
	if o.Faint {
		return "faint map"
	}
	switch explain.StatusOf(o.Heat) {
	case explain.NonFinite:
		return "map not finite"
	case explain.Constant:
		return "constant map"
	case explain.Empty:
		if low, high := o.Heat.Range(); o.Map.Diverging() && low < high {
			return "" // negative values are drawn
		}
		return "empty map"
	}
	return ""
}

// withReason prepends the reason to the note, unless the note contains it.
func withReason(reason, note string) string {
	switch {
	case note == "":
		return reason
	case strings.Contains(note, reason):
		return note
	}
	return reason + " · " + note
}
