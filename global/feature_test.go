package global_test

import (
	"math"
	"testing"

	"oscar/explain"
	"oscar/global"
)

// picture paints each pixel.
func picture(height, width int, paint func(y, x int) [3]uint8) global.Picture {
	p := global.Picture{Height: height, Width: width}
	for i := range height * width {
		c := paint(i/width, i%width)
		p.Pixels = append(p.Pixels, c[:]...)
	}
	return p
}

func wantFeatures(t *testing.T, features []global.Feature, got []float64, want map[string]float64) {
	t.Helper()
	if len(got) != len(features) {
		t.Fatalf("%d values of %d features", len(got), len(features))
	}
	for i, f := range features {
		if math.IsNaN(got[i]) || math.IsInf(got[i], 0) {
			t.Errorf("%s is %v", f.Name, got[i])
		}
		if w, ok := want[f.Name]; ok && math.Abs(got[i]-w) > 1e-6 {
			t.Errorf("%s is %v, want %v", f.Name, got[i], w)
		}
		delete(want, f.Name)
	}
	for name := range want {
		t.Errorf("no feature %s", name)
	}
}

func TestImageFeaturesByHand(t *testing.T) {
	measure := func(p global.Picture, want map[string]float64) {
		t.Helper()
		wantFeatures(t, global.ImageFeatures, global.MeasureImage(p), want)
	}
	// Black, gray, one pixel.
	measure(picture(9, 9, func(y, x int) [3]uint8 { return [3]uint8{} }), map[string]float64{
		"brightness": 0, "dark area": 1, "bright area": 0, "saturation": 0, "hue": 0, "hue unity": 0, "brightness entropy": 0,
		"edge density": 0, "edge direction": 0, "texture": 0, "sharpness": 0, "brightness spread": 0,
	})
	measure(picture(1, 1, func(y, x int) [3]uint8 { return [3]uint8{255, 255, 255} }), map[string]float64{"brightness": 1, "bright area": 1, "center brightness": 1})
	// A ramp of 10/255 a pixel to the right: Sobel halves it at both borders.
	const b = 10. / 255
	measure(picture(8, 16, func(y, x int) [3]uint8 { v := uint8(10 * x); return [3]uint8{v, v, v} }), map[string]float64{
		"brightness": 7.5 * b, "edge strength": b * 15 / 16, "edge direction": 1, "edge slant": 0, "edge density": 0,
		"texture": b * math.Sqrt(63./12), "brightness entropy": 4, "sharpness": 2 * 100. / 16,
	})
	// Level edges; and those that rise to the right, with light below them.
	measure(picture(16, 8, func(y, x int) [3]uint8 { v := uint8(10 * y); return [3]uint8{v, v, v} }), map[string]float64{"edge direction": -1, "edge slant": 0})
	rising := global.MeasureImage(picture(16, 16, func(y, x int) [3]uint8 { v := uint8(5 * (x + y)); return [3]uint8{v, v, v} }))
	if slant := rising[15]; global.ImageFeatures[15].Name != "edge slant" || slant < 0.9 {
		t.Errorf("edges that rise to the right have a slant of %v", slant)
	}
	// Pure colors: half red, half yellow are at 30 degrees, cos 30 long.
	measure(picture(4, 4, func(y, x int) [3]uint8 { return [3]uint8{200, uint8(200 * (x % 2)), 0} }), map[string]float64{
		"hue": 30, "hue unity": math.Cos(math.Pi / 6), "saturation": 1, "saturation spread": 0, "red-green": 100. / 255, "yellow-blue": 150. / 255,
	})
	// Red and its neighbor on the other side of 0 degrees.
	measure(picture(2, 2, func(y, x int) [3]uint8 { return [3]uint8{200, 0, 100} }), map[string]float64{"hue": 330, "hue unity": 1})
	// A light middle of 4x4 in 8x8.
	measure(picture(8, 8, func(y, x int) [3]uint8 {
		if y/2%3 != 0 && x/2%3 != 0 {
			return [3]uint8{255, 255, 255}
		}
		return [3]uint8{}
	}), map[string]float64{"center brightness": 1, "bright area": 0.25, "dark area": 0.75, "brightness": 0.25, "brightness spread": math.Sqrt(3) / 4})
}

func TestMapFeaturesByHand(t *testing.T) {
	measure := func(g explain.Grid, want map[string]float64) {
		t.Helper()
		wantFeatures(t, global.MapFeatures, global.MeasureMap(g), want)
	}
	measure(explain.NewGrid(3, 4), map[string]float64{
		"heat in the center": 0, "heat from the left": 0.5, "heat from the top": 0.5, "heat spread": 0, "heat concentration": 0, "heat against": 0,
	})
	// 3 at the top left, 1 at the bottom right, -4 between.
	measure(grid(4, 4, 3, 0, 0, 0, 0, -4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), map[string]float64{
		"heat in the center": 0, "heat from the left": 0.125 + 0.75/4, "heat from the top": 0.125 + 0.75/4, "heat against": 0.5,
		"heat spread":        0.75 * math.Sqrt(2*3./16),         // a share of 1/4 at a distance of 0.75 in both directions
		"heat concentration": (11*1. + 13*3 + 15*4) / (16 * 8.), // (2k-17) w_k for k = 14, 15, 16
	})
	measure(grid(4, 4, 0, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0), map[string]float64{
		"heat in the center": 1, "heat from the left": 0.5, "heat spread": math.Sqrt(2) / 8, "heat against": 0,
	})
	// All against: no place. Numbers that are none count as nothing.
	measure(grid(1, 2, -1, -3), map[string]float64{"heat against": 1, "heat from the left": 0.5, "heat concentration": 0.25})
	measure(grid(1, 2, float32(math.Inf(1)), 3), map[string]float64{"heat from the left": 0.75})
}

// Every feature can be read: a name, a definition, and a unit or none.
func TestFeaturesAreDefined(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range append(append([]global.Feature{}, global.ImageFeatures...), global.MapFeatures...) {
		if f.Name == "" || f.About == "" || seen[f.Name] {
			t.Errorf("feature %q: %q", f.Name, f.About)
		}
		seen[f.Name] = true
	}
}
