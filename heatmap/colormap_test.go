package heatmap

import (
	"image/color"
	"strings"
	"testing"
)

// matplotlib 3.11.2: colormaps[name](v, bytes=True) at v = 0, 0.25, 0.5, 0.75
// and 1.
var matplotlib = map[string][5][3]uint8{
	"jet":     {{0, 0, 127}, {0, 128, 255}, {124, 255, 121}, {255, 148, 0}, {127, 0, 0}},
	"viridis": {{68, 1, 84}, {58, 82, 139}, {32, 144, 140}, {94, 201, 97}, {253, 231, 36}},
	"turbo":   {{48, 18, 59}, {40, 187, 235}, {164, 252, 59}, {250, 125, 32}, {122, 4, 2}},
	"inferno": {{0, 0, 3}, {87, 15, 109}, {187, 55, 84}, {249, 142, 8}, {252, 254, 164}},
	"gray":    {{0, 0, 0}, {64, 64, 64}, {128, 128, 128}, {192, 192, 192}, {255, 255, 255}},
	"rdbu_r":  {{5, 48, 97}, {107, 172, 208}, {247, 246, 246}, {228, 128, 101}, {103, 0, 31}},
	"seismic": {{0, 0, 76}, {1, 1, 255}, {255, 253, 253}, {253, 0, 0}, {127, 0, 0}},
}

func TestColorMapsAsMatplotlib(t *testing.T) {
	for _, name := range ColorMapNames() {
		want, ok := matplotlib[name]
		if !ok {
			t.Errorf("no matplotlib values for %s", name)
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
		t.Error("NaN is not coloured as 0")
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
			t.Errorf("two colour maps are called %s", name)
		}
		seen[name] = true
		if want := name == "rdbu_r" || name == "seismic"; m.Diverging() != want {
			t.Errorf("%s: diverging is %v, want %v", name, m.Diverging(), want)
		}
	}
	var zero ColorMap
	if names[0] != "jet" || zero.Name() != "jet" || zero.At(0.3) != colorMaps[0].At(0.3) {
		t.Error("the zero colour map is not jet")
	}
	_, err := LookupColorMap("rainbow")
	if want := `no colour map "rainbow"; have jet, viridis, turbo, inferno, gray, rdbu_r, seismic`; err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
}
