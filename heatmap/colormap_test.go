package heatmap

import (
	"encoding/json"
	"image/color"
	"os"
	"strings"
	"testing"
)

// testdata/matplotlib.json is matplotlib's colormaps[name](v, bytes=True) at v =
// 0, 0.25, 0.5, 0.75 and 1. colormaps/generate.py writes it.
func matplotlib(t *testing.T) (values map[string][5][3]uint8) {
	t.Helper()
	data, err := os.ReadFile("testdata/matplotlib.json")
	if err == nil {
		err = json.Unmarshal(data, &values)
	}
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func lightness(c color.RGBA) int { return int(c.R) + int(c.G) + int(c.B) }

// colorless reports whether a color is nearly gray.
func colorless(c color.RGBA) bool { return max(c.R, c.G, c.B)-min(c.R, c.G, c.B) < 10 }

func TestColorMapsAsMatplotlib(t *testing.T) {
	values := matplotlib(t)
	for _, name := range ColorMapNames() {
		want, ok := values[name]
		if !ok {
			t.Errorf("testdata/matplotlib.json has no colors of %s: run colormaps/generate.py", name)
		}
		m, err := LookupColorMap(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range want {
			v := float32(i) / 4
			if got := m.At(v); got != (color.RGBA{c[0], c[1], c[2], 255}) {
				t.Errorf("%s at %v: %v, want %v", name, v, got, c)
			}
		}
	}
}

func TestJetsHighEndIsRed(t *testing.T) {
	if c := colorMaps[0].At(0.9); c.R < 200 || c.B > 50 {
		t.Errorf("jet at 0.9 is %v: red and blue are swapped", c)
	}
}

func TestColorMapEdges(t *testing.T) {
	m := colorMaps[0]
	for v, same := range map[float32]float32{-1: 0, -inf: 0, 1.5: 1, inf: 1, 0.9999999: 1, 1.0 / 257: 0} {
		if m.At(v) != m.At(same) {
			t.Errorf("At(%v) = %v, want that of %v, %v", v, m.At(v), same, m.At(same))
		}
	}
	if m.At(nan) != m.At(0) {
		t.Error("NaN is not colored as 0")
	}
}

func TestLookupColorMap(t *testing.T) {
	names := ColorMapNames()
	seen := map[string]bool{}
	for _, name := range names {
		m, err := LookupColorMap(strings.ToUpper(name))
		if err != nil || m.Name() != name {
			t.Errorf("lookup of %s in capitals: %q, %v", name, m.Name(), err)
		}
		if seen[name] {
			t.Errorf("two color maps are called %s", name)
		}
		seen[name] = true
		// The middle of a diverging map has no color, and is lighter than both ends or
		// darker than both.
		low, middle, high := m.At(0), m.At(0.5), m.At(1)
		fromLow, fromHigh := lightness(middle)-lightness(low), lightness(middle)-lightness(high)
		if want := colorless(middle) && fromLow*fromHigh > 0; m.Diverging() != want {
			t.Errorf("%s: diverging is %v, but from %v by %v to %v it looks %v", name, m.Diverging(), low, middle, high, want)
		}
	}
	var zero ColorMap
	if names[0] != "jet" || zero.Name() != "jet" || zero.At(0.3) != colorMaps[0].At(0.3) {
		t.Error("the zero color map is not jet")
	}
	_, err := LookupColorMap("rainbow")
	if want := `no color map "rainbow"; have ` + strings.Join(names, ", "); err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
}
