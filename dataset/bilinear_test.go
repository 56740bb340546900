package dataset

import (
	"image"
	"image/color"
	"slices"
	"testing"

	"github.com/nfnt/resize"
)

// noise is an opaque image of random pixels, cut out of a larger one.
func noise(width, height int, r *random) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, width+3, height+2))
	for i := range img.Pix {
		img.Pix[i] = uint8(r.next())
	}
	img = img.SubImage(image.Rect(2, 1, width+2, height+1)).(*image.RGBA)
	for y := range height {
		for x := range width {
			img.Pix[y*img.Stride+4*x+3] = 255
		}
	}
	return img
}

// Every bit is that of nfnt/resize.
func TestBilinearIsThatOfTheLibrary(t *testing.T) {
	r := newRandom(3)
	sizes := []image.Point{{512, 384}, {227, 227}, {1, 1}, {1, 300}, {300, 1}, {31, 17}, {2, 2}, {3, 700}}
	for range 20 {
		sizes = append(sizes, image.Pt(1+r.intn(400), 1+r.intn(400)))
	}
	for _, from := range sizes {
		for _, to := range []image.Point{{227, 227}, {13, 29}, {64, 32}, {1 + r.intn(300), 1 + r.intn(300)}} {
			if from == to {
				continue // the library gives back the image
			}
			img := noise(from.X, from.Y, r)
			got := bilinear(img, to.Y, to.X)
			if got == nil {
				if max(from.X/to.X, from.Y/to.Y) < 31 {
					t.Errorf("%v to %v is not done", from, to)
				}
				continue
			}
			if got.Rect != (image.Rectangle{Max: to}) {
				t.Fatalf("%v to %v: got %v", from, to, got.Rect)
			}
			want := resize.Resize(uint(to.X), uint(to.Y), img, resize.Bilinear).(*image.RGBA)
			if !slices.Equal(got.Pix, want.Pix) {
				t.Errorf("%v to %v: other pixels", from, to)
			}
		}
	}
}

// The sums of a white image are the largest that there are, in every lane.
func TestBilinearOfWhite(t *testing.T) {
	done := 0
	for width := 30; width <= 34*8; width++ {
		img := uniform(width, 3, color.RGBA{255, 255, 255, 255})
		out := bilinear(img, 2, 8)
		if out == nil {
			continue
		}
		done = width
		for i, v := range out.Pix {
			if v != 255 {
				t.Fatalf("width %d: byte %d is %d", width, i, v)
			}
		}
	}
	if done < 31*8 {
		t.Errorf("nothing is done beyond a width of %d", done)
	}
}

// What does not fit is left to the library.
func TestBilinearDeclines(t *testing.T) {
	r := newRandom(4)
	wide, clear := noise(310, 5, r), noise(20, 20, r)
	clear.Pix[3] = 254
	for name, img := range map[string]*image.RGBA{"a small scale": wide, "transparency": clear} {
		if bilinear(img, 5, 9) != nil {
			t.Errorf("%s: done", name)
		}
		if got := Resize(img, 5, 9, Bilinear); got.Rect.Size() != image.Pt(9, 5) {
			t.Errorf("%s: %v", name, got.Rect)
		}
	}
}

// A lane is divided as integers are, by all divisors that there can be.
func TestPackedOver(t *testing.T) {
	for d := packed(1); d <= laneMask/255; d++ {
		for _, v := range []packed{0, 1, d - 1, d, d + 1, 17*d - 1, 17 * d, 254*d - 1, 255*d - 1, 255 * d} {
			p := v | (255*d-v)<<lane | v<<(2*lane)
			if got, want := p.over(inverse(d)), v/d|(255*d-v)/d<<lane|v/d<<(2*lane); got != want {
				t.Fatalf("%d / %d: %x, want %x", v, d, got, want)
			}
		}
	}
}
