package heatmap

import (
	"image"
	"image/color"
	"testing"
)

// The border of a square of 4 pixels: a ring inside, a dark one outside, the middle unchanged. A
// larger picture has a wider ring.
func TestOutline(t *testing.T) {
	c, dark, none := OutlineColor(1), color.RGBA{0, 0, 0, 255}, color.RGBA{}
	draw := func(side, square int) *image.RGBA {
		img := image.NewRGBA(image.Rect(0, 0, side, side))
		pixels := make([]uint8, side*side)
		for y := range square {
			for x := range square {
				pixels[(y+2)*side+x+2] = 1
			}
		}
		Outline(img, pixels, c)
		return img
	}
	small := draw(8, 4)
	for at, want := range map[image.Point]color.RGBA{
		{2, 2}: c, {5, 4}: c, {3, 3}: none, {4, 4}: none, {1, 3}: dark, {6, 3}: dark, {3, 6}: dark, {1, 1}: none, {0, 3}: none,
	} {
		if got := small.RGBAAt(at.X, at.Y); got != want {
			t.Errorf("the pixel at %v is %v, want %v", at, got, want)
		}
	}
	if large := draw(320, 40); large.RGBAAt(3, 20) != c || large.RGBAAt(4, 20) != none || large.RGBAAt(1, 20) != dark {
		t.Error("the border of a picture of 320 pixels is not two pixels wide")
	}
}
