package serve

import (
	"bytes"
	"image"
	"image/color"
	"math"
	"testing"
)

// ramp is a picture whose pixels differ.
func ramp(width, height int) *image.RGBA {
	p := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			p.SetRGBA(x, y, color.RGBA{uint8(10 * x), uint8(10 * y), 200, 255})
		}
	}
	return p
}

func edited(t *testing.T, v view, photo *image.RGBA) *image.RGBA {
	t.Helper()
	e, err := editsOf(v)
	if err != nil {
		t.Fatal(err)
	}
	before := bytes.Clone(photo.Pix)
	out := e.apply(photo)
	if !bytes.Equal(photo.Pix, before) {
		t.Errorf("%+v changed the picture itself", v)
	}
	return out
}

func TestEditsByHand(t *testing.T) {
	p := ramp(20, 10)
	if got := edited(t, view{Rotate: "360"}, p); got != p {
		t.Error("a whole turn changes the picture")
	}
	if got := edited(t, view{Crop: "25,50,50,50"}, p); got.Rect != image.Rect(0, 0, 10, 5) || got.RGBAAt(0, 0) != p.RGBAAt(5, 5) {
		t.Errorf("crop: %v begins with %v", got.Rect, got.RGBAAt(0, 0))
	}
	// The mean of 0, 10 ... 190 is 95, of 0 ... 90 45.
	got := edited(t, view{Patch: "0,0,50,50; 90,90,10,10"}, p)
	mean := color.RGBA{95, 45, 200, 255}
	if got.RGBAAt(9, 4) != mean || got.RGBAAt(19, 9) != mean || got.RGBAAt(10, 4) != p.RGBAAt(10, 4) || got.RGBAAt(9, 5) != p.RGBAAt(9, 5) {
		t.Errorf("patch: %v %v", got.RGBAAt(9, 4), got.RGBAAt(10, 4))
	}
	// Half a turn brings the first pixel to the last place.
	if got := edited(t, view{Rotate: "180"}, p); got.RGBAAt(15, 7) != p.RGBAAt(4, 2) {
		t.Errorf("rotate: %v, want %v", got.RGBAAt(15, 7), p.RGBAAt(4, 2))
	}
	// A quarter of a turn clockwise brings what is left of the middle above it.
	square := ramp(11, 11)
	if got := edited(t, view{Rotate: "90"}, square); got.RGBAAt(5, 1) != square.RGBAAt(1, 5) {
		t.Errorf("rotate by 90: %v, want %v", got.RGBAAt(5, 1), square.RGBAAt(1, 5))
	}
}

// A point becomes a Gaussian of the variance that was asked for, and no light is lost.
func TestBlurHasItsVariance(t *testing.T) {
	const size, sigma = 101, 5
	p := image.NewRGBA(image.Rect(0, 0, size, size))
	for y := 40; y <= 60; y++ { // a square, whose own variance is known: (21^2-1)/12
		for x := 40; x <= 60; x++ {
			p.Pix[p.PixOffset(x, y)] = 255
		}
	}
	blur(p, sigma)
	sum, variance := 0.0, 0.0
	for y := range size {
		for x := range size {
			v := float64(p.Pix[p.PixOffset(x, y)])
			sum += v
			variance += v * float64(x-50) * float64(x-50)
		}
	}
	variance = variance/sum - (21*21-1)/12.0
	if math.Abs(sum/(21*21*255)-1) > 0.02 || math.Abs(math.Sqrt(variance)-sigma) > 0.6 {
		t.Errorf("standard deviation %.2f, want %d; light %.3f", math.Sqrt(variance), sigma, sum/(21*21*255))
	}
}

func TestEditsRefused(t *testing.T) {
	for _, v := range []view{{Rotate: "x"}, {Rotate: "NaN"}, {Rotate: "1e9"}, {Blur: "-1"}, {Blur: "21"}, {Crop: "1,2,3"}, {Crop: "0,0,0,0"}, {Crop: "0,0,101,5"}, {Patch: "a"}, {Patch: "100,0,1,1"}, {Patch: string(bytes.Repeat([]byte("1,1,1,1;"), 21))}, {Crop: "NaN,0,1,1"}} {
		if _, err := editsOf(v); err == nil {
			t.Errorf("%+v is taken", v)
		}
	}
	for _, v := range []view{{Crop: "99.9,99.9,100,100", Rotate: "33", Blur: "20", Patch: "0,0,100,100"}, {Crop: "0,0,0.001,0.001"}} {
		if got := edited(t, v, ramp(1, 3)); got.Rect.Empty() {
			t.Errorf("%+v leaves nothing", v)
		}
	}
}
