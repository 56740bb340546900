package instance

import (
	"image"
	"image/color"
	"image/draw"
	"strconv"

	"oscar/heatmap"
	"oscar/instance/mask"
)

// colours are bright, distinct colours for outlines.
var colours = []color.RGBA{
	{255, 255, 255, 255}, {255, 225, 25, 255}, {60, 240, 90, 255}, {0, 230, 255, 255}, {255, 120, 240, 255}, {255, 150, 50, 255},
}

func colourOf(object int) color.RGBA { return colours[object%len(colours)] }

// clone copies a picture.
func clone(img image.Image) *image.RGBA {
	out := image.NewRGBA(image.Rectangle{Max: img.Bounds().Size()})
	draw.Draw(out, out.Rect, img, img.Bounds().Min, draw.Src)
	return out
}

// outline draws the border of a mask, two pixels wide with a dark line outside, visible on
// any picture.
func outline(img *image.RGBA, pixels []uint8, c color.RGBA) {
	size := img.Rect.Size()
	within := func(x, y int) bool {
		return x >= 0 && y >= 0 && x < size.X && y < size.Y && pixels[y*size.X+x] != 0
	}
	near := func(x, y int, want bool) bool {
		return within(x-1, y) == want || within(x+1, y) == want || within(x, y-1) == want || within(x, y+1) == want
	}
	for y := range size.Y {
		for x := range size.X {
			switch inside := within(x, y); {
			case inside && near(x, y, false):
				img.SetRGBA(x, y, c)
			case !inside && near(x, y, true):
				img.SetRGBA(x, y, color.RGBA{0, 0, 0, 255})
			}
		}
	}
}

// number writes the number of an object in the corner of its box, on a dark patch.
func number(img *image.RGBA, n int, box mask.Box, c color.RGBA) {
	size := max(10, min(img.Rect.Dx(), img.Rect.Dy())/18)
	text := strconv.Itoa(n)
	x, y := max(0, int(box[0])), max(0, int(box[1]))
	patch := image.Rect(x, y, x+size*(2+len(text))/3, y+size)
	draw.Draw(img, patch.Intersect(img.Rect), image.Black, image.Point{}, draw.Src)
	heatmap.DrawText(img, text, x+size/6, y, size, c)
}
