package heatmap

import (
	"embed"
	"fmt"
	"image/color"
	"strings"

	"oscar/internal/named"
)

// The tables are matplotlib's own 256 entries; colormaps/generate.py makes them.
//
//go:embed colormaps/*.rgb
var tables embed.FS

// colorMaps is the table of color maps, in the order of their help text.
var colorMaps = []ColorMap{
	{name: "jet", rgb: table("jet")},
	{name: "viridis", rgb: table("viridis")},
	{name: "turbo", rgb: table("turbo")},
	{name: "inferno", rgb: table("inferno")},
	{name: "gray", rgb: table("gray")},
	{name: "rdbu_r", rgb: table("rdbu_r"), diverging: true},
	{name: "seismic", rgb: table("seismic"), diverging: true},
}

// A ColorMap maps every value 0..1 to a color, by a table of 256 entries equal to
// matplotlib's of the same name. The zero ColorMap is jet.
type ColorMap struct {
	name      string
	rgb       string // 256 triples
	diverging bool
}

// LookupColorMap finds a color map by name, in any case. Its error lists the
// names.
func LookupColorMap(name string) (ColorMap, error) {
	return named.Find("color map", strings.ToLower(name), colorMaps, func(m ColorMap) string { return m.name })
}

// ColorMapNames lists the color maps, the default first.
func ColorMapNames() []string {
	return named.Names(colorMaps, func(m ColorMap) string { return m.name })
}

// Name is the name that [LookupColorMap] finds.
func (m ColorMap) Name() string { return m.orJet().name }

// Diverging reports whether the middle of the map, at 0.5, stands for zero. Such a
// map also shows evidence against a class ([Signed]).
func (m ColorMap) Diverging() bool { return m.diverging }

// At returns the color of a value. Values below 0 and NaN have the color of 0,
// values above 1 that of 1.
func (m ColorMap) At(v float32) color.RGBA {
	rgb := m.orJet().rgb[3*entry(v):]
	return color.RGBA{rgb[0], rgb[1], rgb[2], 255}
}

func (m ColorMap) orJet() ColorMap {
	if m.rgb == "" {
		return colorMaps[0]
	}
	return m
}

// entry is the index of a value in a table, as in matplotlib: 256 bins of equal
// width, with 1 in the last.
func entry(v float32) int {
	if !(v > 0) { // also NaN
		return 0
	}
	return int(min(v*256, 255))
}

func table(name string) string {
	data, err := tables.ReadFile("colormaps/" + name + ".rgb")
	if err != nil || len(data) != 3*256 {
		panic(fmt.Sprintf("heatmap: color map %s is not embedded as 256 triples: run heatmap/colormaps/generate.py: %v", name, err))
	}
	return string(data)
}
