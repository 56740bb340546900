package page

import (
	"image"
	"testing"
)

func TestCurvesDrawsBothFigures(t *testing.T) {
	epochs := []Epoch{{1, 2, 0.3, 2.5, 0.2}, {2, 1, 0.6, 1.5, 0.5}, {3, 0.5, 0.9, 1.4, 0.55}}
	img, err := Curves(epochs, 3)
	if err != nil {
		t.Fatal(err)
	}
	for _, half := range []image.Rectangle{image.Rect(0, 0, 480, 384), image.Rect(480, 0, 960, 384)} {
		seen := map[[3]uint32]bool{}
		for y := half.Min.Y; y < half.Max.Y; y++ {
			for x := half.Min.X; x < half.Max.X; x++ {
				r, g, b, _ := img.At(x, y).RGBA()
				seen[[3]uint32{r >> 8, g >> 8, b >> 8}] = true
			}
		}
		for name, c := range map[string][3]uint32{"training": {0x1f, 0x5f, 0xa8}, "validation": {0xd9, 0x6c, 0x06}} {
			if !seen[c] {
				t.Errorf("%v has no pixel of the %s line", half, name)
			}
		}
	}
}

func TestCurvesRefusesNothing(t *testing.T) {
	if _, err := Curves(nil, 0); err == nil {
		t.Error("curves of no epochs were drawn")
	}
}
