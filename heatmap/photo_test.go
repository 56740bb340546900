package heatmap

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"

	"oscar/explain"
)

// photo is a made-up photograph: a bright disc on a shaded ground.
func photo(width, height int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			c := color.RGBA{150, 160, uint8(120 + 80*y/height), 255}
			dx, dy := float64(x)/float64(width)-0.6, float64(y)/float64(height)-0.4
			if dx*dx+dy*dy < 0.06 {
				c = color.RGBA{225, 210, 170, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	return img
}

// hill is a map with its peak on the disc and a negative place at lower left.
func hill(height, width int) explain.Grid {
	g := explain.NewGrid(height, width)
	bump := func(y, x int, atY, atX float64) float64 {
		dy, dx := (float64(y)+0.5)/float64(height)-atY, (float64(x)+0.5)/float64(width)-atX
		return math.Exp(-(dy*dy + dx*dx) / 0.05)
	}
	for y := range height {
		for x := range width {
			g.Values[y*width+x] = float32(0.032*bump(y, x, 0.4, 0.6) - 0.02*bump(y, x, 0.9, 0.1))
		}
	}
	return g
}

func noise(height, width int) explain.Grid {
	r := rand.New(rand.NewPCG(1, 2))
	g := explain.NewGrid(height, width)
	for i := range g.Values {
		g.Values[i] = r.Float32()
	}
	return g
}

func row(values ...float32) explain.Grid {
	return explain.Grid{Height: 1, Width: len(values), Values: values}
}

var (
	nan = float32(math.NaN())
	inf = float32(math.Inf(1))
)
