package heatmap

import (
	"image"
	"strings"

	"oscar/explain"
)

// DefaultAlpha is the share of the colours in an overlay.
const DefaultAlpha = 0.4

// Options say what [Overlay] shows.
type Options struct {
	Heat  explain.Grid // the signed, unscaled map, at any resolution
	Map   ColorMap     // jet if zero; a diverging one shows negative values too
	Alpha float64      // the share of the colours, above 0 to 1; 0 is DefaultAlpha
	Title string       // the predicted class and its probability: "glass 0.93"
	Note  string       // what is seen: "grad-cam conv5, target glass"
}

// Overlay returns the picture to show to people, of the image's own size: the
// image, the map's colours over it ([Positive], or [Signed] with a diverging
// colour map, then [Blend]), and along its lower edge a strip with the title,
// the note and a colour bar with its scale in the map's own unit. Text is sized
// by the image; what cannot be legible is left out: first the note, then the
// bar, then the title.
//
// A map that shows nothing is not drawn, nor is the bar: the image stays as it
// is and the note begins with the reason.
func Overlay(img *image.RGBA, o Options) *image.RGBA {
	if o.Alpha == 0 {
		o.Alpha = DefaultAlpha
	}
	reason := o.nothingToShow()
	if reason != "" {
		out := clone(img)
		drawLegend(out, legend{title: o.Title, notes: []string{withReason(reason, o.Note), reason}})
		return out
	}
	scale := Positive
	if o.Map.Diverging() {
		scale = Signed
	}
	out := Blend(img, scale(o.Heat), o.Map, o.Alpha)
	drawLegend(out, legend{title: o.Title, notes: []string{o.Note}, bar: newBar(o.Map, o.Heat)})
	return out
}

// nothingToShow says why the map cannot be read, or "".
func (o Options) nothingToShow() string {
	if !filled(o.Heat) {
		return "no map"
	}
	switch explain.StatusOf(o.Heat) {
	case explain.NonFinite:
		return "map not finite"
	case explain.Constant:
		return "constant map"
	case explain.Empty:
		if low, high := o.Heat.Range(); o.Map.Diverging() && low < high {
			return "" // its negative values can be seen
		}
		return "empty map"
	}
	return ""
}

// withReason puts the reason before the note, unless the note has it.
func withReason(reason, note string) string {
	switch {
	case note == "":
		return reason
	case strings.Contains(note, reason):
		return note
	}
	return reason + " · " + note
}
