package report

import (
	"fmt"
	"image"

	"oscar/explain"
	"oscar/heatmap"
	"oscar/report/page"
	"oscar/result"
)

// bars returns the color bars of the page.
func (g *gallery) bars() (bars []page.ColorBar) {
	if signed, _ := g.signs(); signed { // for maps without evidence against the class, too
		return colorBar(g.settings.SignedColorMap, "", "", "")
	}
	return colorBar(g.settings.ColorMap, "", "low", "high")
}

// colorBar returns the bar of a named color map, or nil if there is no such map. The bar of a
// diverging map runs from "against the class" to "for the class".
func colorBar(name, title, low, high string) []page.ColorBar {
	m, err := heatmap.LookupColorMap(name)
	if err != nil {
		return nil
	}
	bar := page.ColorBar{Title: title, Color: m.At, Low: low, High: high}
	if m.Diverging() {
		against, evidence := "against the class", "for the class"
		if name == "rdbu_r" || name == "seismic" {
			against, evidence = "blue: "+against, "red: "+evidence
		}
		bar.Low, bar.Middle, bar.High = against, "0", evidence
	}
	return []page.ColorBar{bar}
}

// paint draws a map in the colors of its overlay, without the caption strip. If the page also has
// maps with evidence against the class, maps without it get the same colors.
func (g *gallery) paint(photo *image.RGBA, heat explain.Grid, r result.Row) (image.Image, error) {
	name, o := g.settings.ColorMap, heatmap.Options{Heat: heat, Framing: g.settings.Framing, Alpha: g.settings.Alpha}
	if g.drawnSigned(r.Signed) {
		name, o.Alpha = g.settings.SignedColorMap, g.settings.SignedAlpha
	}
	if r.Scale != nil {
		o.Scale = *r.Scale
		if r.Base != nil {
			o.Base = *r.Base
		}
	}
	var err error
	if o.Map, err = heatmap.LookupColorMap(name); err != nil {
		return nil, err
	}
	if signed, unsigned := g.signs(); signed && unsigned && !r.Signed {
		if diverging, err := heatmap.LookupColorMap(g.settings.SignedColorMap); err == nil && diverging.Diverging() {
			o = o.OneSided(diverging)
		}
	}
	return heatmap.Paint(photo, o).Image, nil
}

// signs reports whether the page shows maps with evidence against the class (signed), and maps
// without (unsigned).
func (g *gallery) signs() (signed, unsigned bool) {
	for _, rows := range g.rows {
		for _, r := range rows {
			if g.drawnSigned(r.Signed) {
				signed = true
			} else {
				unsigned = true
			}
		}
	}
	return signed, unsigned
}

// numbers returns a text about a map's values and their colors.
func (g *gallery) numbers(r result.Row) string {
	if r.Scale == nil || r.RawMin == nil || r.RawMax == nil {
		return ""
	}
	scale, none := float64(*r.Scale), 0.0
	if r.Base != nil {
		none = float64(*r.Base)
	}
	ends := fmt.Sprintf("no color: %s; full color: %s", page.Number(none), page.Number(scale))
	if g.drawnSigned(r.Signed) {
		ends = fmt.Sprintf("full colors: %s and %s", page.Number(-scale), page.Number(scale))
	}
	return fmt.Sprintf("%s; values from %s to %s", ends, page.Number(float64(*r.RawMin)), page.Number(float64(*r.RawMax)))
}

// drawnSigned reports whether a map has the signed colors. Older settings do not have such colors.
func (g *gallery) drawnSigned(signed bool) bool { return signed && g.settings.SignedColorMap != "" }
