package heatmap

import (
	"bytes"
	"image"
	"image/color"
	"math"
	"testing"

	"oscar/explain"
)

// Jet at 1 is (127,0,0), at 0 (0,0,127).
func TestBlendByHand(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 2, 1))
	img.SetRGBA(0, 0, color.RGBA{100, 200, 50, 255})
	img.SetRGBA(1, 0, color.RGBA{100, 200, 50, 255})
	got := Blend(img, row(1, 0), ColorMap{}, 0.4)
	for x, want := range []color.RGBA{
		{111, 120, 30, 255}, // 60+50.8, 120, 30
		{60, 120, 81, 255},  // 60, 120, 30+50.8
	} {
		if c := got.RGBAAt(x, 0); c != want {
			t.Errorf("pixel %d: %v, want %v", x, c, want)
		}
	}
}

func TestBlendEqualsSlowTwin(t *testing.T) {
	img, heat := photo(37, 53), noise(5, 4)
	for _, m := range colorMaps {
		for _, alpha := range []float64{0, 0.25, 0.4, 1} {
			got := Blend(img, heat, m, alpha)
			big := heat.Resize(53, 37)
			for y := range 53 {
				for x := range 37 {
					p, q := img.RGBAAt(x, y), got.RGBAAt(x, y)
					at := float64(big.At(y, x)) * 256
					if math.Abs(at-math.Round(at)) < 1e-3 {
						continue // either color is right
					}
					c := m.At(big.At(y, x))
					for i, pair := range [][3]uint8{{p.R, c.R, q.R}, {p.G, c.G, q.G}, {p.B, c.B, q.B}, {p.A, c.A, q.A}} {
						want := (1-alpha)*float64(pair[0]) + alpha*float64(pair[1])
						if math.Abs(want-float64(pair[2])) > 0.505 {
							t.Fatalf("%s, alpha %v, (%d,%d) channel %d: %d, want %.2f", m.Name(), alpha, x, y, i, pair[2], want)
						}
					}
				}
			}
		}
	}
}

func TestBlendInputUntouched(t *testing.T) {
	img, heat := photo(20, 30), noise(3, 3)
	pixels := bytes.Clone(img.Pix)
	got := Blend(img, heat, ColorMap{}, 0.5)
	if !bytes.Equal(img.Pix, pixels) {
		t.Error("Blend changed its image")
	}
	if got.Rect != img.Rect {
		t.Errorf("the result is %v, want %v", got.Rect, img.Rect)
	}
}

func TestBlendOfPartOfImage(t *testing.T) {
	whole := photo(40, 30)
	part := whole.SubImage(image.Rect(7, 5, 27, 25)).(*image.RGBA)
	heat := noise(4, 4)
	got := Blend(part, heat, ColorMap{}, 0.5)
	want := Blend(clone(part), heat, ColorMap{}, 0.5)
	if got.Rect != image.Rect(0, 0, 20, 20) || !bytes.Equal(got.Pix, want.Pix) {
		t.Error("a part of an image blends otherwise than a copy of it")
	}
}

func TestBlendOddities(t *testing.T) {
	img := photo(6, 4)
	for name, got := range map[string]*image.RGBA{
		"no values":      Blend(img, explain.Grid{}, ColorMap{}, 0.5),
		"too few values": Blend(img, explain.Grid{Height: 3, Width: 3, Values: []float32{1}}, ColorMap{}, 0.5),
		"alpha 0":        Blend(img, noise(2, 2), ColorMap{}, 0),
		"alpha negative": Blend(img, noise(2, 2), ColorMap{}, -1),
		"alpha NaN":      Blend(img, noise(2, 2), ColorMap{}, math.NaN()),
	} {
		if !bytes.Equal(got.Pix, img.Pix) {
			t.Errorf("%s: the image changed", name)
		}
	}
	if one, more := Blend(img, row(1), ColorMap{}, 1), Blend(img, row(1), ColorMap{}, 7); !bytes.Equal(one.Pix, more.Pix) {
		t.Error("alpha above 1 differs from 1")
	}
	Blend(image.NewRGBA(image.Rectangle{}), row(1), ColorMap{}, 1)
	Blend(img, row(nan, inf), ColorMap{}, 1)
}

func BenchmarkBlend(b *testing.B) {
	img, heat := photo(512, 384), Positive(hill(13, 13))
	for b.Loop() {
		Blend(img, heat, ColorMap{}, 0.4)
	}
}
