package heatmap

import (
	"image"
	"image/color"
	"image/draw"
	"strconv"
)

// outlines are bright, distinct colors for outlines.
var outlines = []color.RGBA{
	{255, 255, 255, 255}, {255, 225, 25, 255}, {60, 240, 90, 255}, {0, 230, 255, 255}, {255, 120, 240, 255}, {255, 150, 50, 255},
}

// The colors of an object's and a detection's outline if both are drawn, for [OutlineColor].
const ObjectColor, FoundColor = 1, 3

// OutlineColor returns the color of an object's outline, by its number from 0.
func OutlineColor(object int) color.RGBA { return outlines[object%len(outlines)] }

// Outline draws the border of a mask. pixels has one value per pixel of img, row-major; values other
// than 0 are inside. The border is one pixel wide for each 160 pixels of the picture's shorter side,
// with a dark line outside of it, so that it is visible on any picture.
func Outline(img *image.RGBA, pixels []uint8, c color.RGBA) {
	size := img.Rect.Size()
	width := max(1, min(size.X, size.Y)/160)
	within := func(x, y int) bool {
		return x >= 0 && y >= 0 && x < size.X && y < size.Y && pixels[y*size.X+x] != 0
	}
	near := func(x, y, reach int, want bool) bool {
		for i := 1; i <= reach; i++ {
			if within(x-i, y) == want || within(x+i, y) == want || within(x, y-i) == want || within(x, y+i) == want {
				return true
			}
		}
		return false
	}
	for y := range size.Y {
		for x := range size.X {
			switch inside := within(x, y); {
			case inside && near(x, y, width, false):
				img.SetRGBA(x, y, c)
			case !inside && near(x, y, 1, true):
				img.SetRGBA(x, y, color.RGBA{0, 0, 0, 255})
			}
		}
	}
}

// Number writes the number n on a dark patch whose upper left corner is at x, y.
func Number(img *image.RGBA, n, x, y int, c color.RGBA) {
	size := max(10, min(img.Rect.Dx(), img.Rect.Dy())/18)
	text := strconv.Itoa(n)
	x, y = max(0, x), max(0, y)
	patch := image.Rect(x, y, x+size*(2+len(text))/3, y+size)
	draw.Draw(img, patch.Intersect(img.Rect), image.Black, image.Point{}, draw.Src)
	DrawText(img, text, x+size/6, y, size, c)
}
