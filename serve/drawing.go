package serve

import (
	"context"
	"fmt"
	"image"
	"math"
	"strconv"

	"oscar/dataset"
	"oscar/explain"
	"oscar/heatmap"
	"oscar/internal/numeric"
	"oscar/methods"
	"oscar/pipeline"
	"oscar/savedmodel"
)

type imageRGBA = image.RGBA

// drawing has the settings for drawing a map over its picture.
type drawing struct {
	colors     heatmap.ColorMap
	alpha      float64
	full, base float32 // values that get the full and the lowest color; 0: the map's own
}

// drawingOf reads colormap and alpha. Their defaults depend on whether the method is
// signed.
func drawingOf(fields map[string]string, m methods.Method) (drawing, error) {
	byDefault := pipeline.DefaultSettings()
	d := drawing{alpha: byDefault.Alpha}
	name := byDefault.ColorMap
	if m.Signed {
		d.alpha, name = byDefault.SignedAlpha, byDefault.SignedColorMap
	}
	if text := fields["colormap"]; text != "" {
		name = text
	}
	var err error
	if d.colors, err = heatmap.LookupColorMap(name); err != nil {
		return d, err
	}
	if text := fields["alpha"]; text != "" {
		if d.alpha, err = strconv.ParseFloat(text, 64); err != nil || !(d.alpha >= 0 && d.alpha <= 1) || math.IsNaN(d.alpha) {
			return d, fmt.Errorf("alpha is %q, want a number from 0 to 1", text)
		}
	}
	for _, f := range []struct {
		name string
		to   *float32
	}{{"full", &d.full}, {"base", &d.base}} {
		if text := fields[f.name]; text != "" {
			v, err := strconv.ParseFloat(text, 32)
			if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
				return d, fmt.Errorf("%s is %q, want a number", f.name, text)
			}
			*f.to = float32(v)
		}
	}
	return d, nil
}

// options returns the heatmap options for a map.
func (d drawing) options(v *version, m methods.Method, a explain.Attribution) heatmap.Options {
	classes := v.Metadata.Classes
	o := heatmap.Options{Heat: a.Map, Framing: pipeline.Framing(v.Metadata.Image), Map: d.colors, Alpha: max(d.alpha, 1e-9), Faint: a.Status == explain.Faint}
	if full, base, ok := m.Scale(a.Layer, a.Map, 0); ok {
		o.Scale, o.Base = full, base
	}
	if d.full > d.base {
		o.Scale, o.Base = d.full, d.base
	}
	if len(a.Probabilities) > 0 {
		top := numeric.ArgMax(a.Probabilities)
		o.Title = fmt.Sprintf("%s %.2f", classes[top], a.Probabilities[top])
	}
	o.Note = fmt.Sprintf("%s %s, target %s", a.Method, a.Layer, classes[a.Target])
	return o
}

// photoOf returns the picture of an item: of its file, or of its pixels.
func (s *Server) photoOf(ctx context.Context, meta *savedmodel.Metadata, it item) (*image.RGBA, error) {
	if it.file != nil {
		photo, _, err := dataset.DecodeContext(ctx, it.file, s.options.Limits)
		return photo, err
	}
	photo := image.NewRGBA(image.Rect(0, 0, meta.Image.Width, meta.Image.Height))
	for i, v := range it.pixels {
		photo.Pix[i/3*4+i%3] = uint8(min(max(v, 0), 255) + 0.5)
		photo.Pix[i/3*4+3] = 255
	}
	return photo, nil
}
