package dataset

import (
	"image"
	"image/color"
	"math"
	"slices"
	"testing"
)

func TestParseInterpolation(t *testing.T) {
	for _, name := range Interpolations() {
		if got, err := ParseInterpolation(string(name)); got != name || err != nil {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	if got, err := ParseInterpolation(""); got != Bilinear || err != nil {
		t.Errorf("default is %q, %v", got, err)
	}
	_, err := ParseInterpolation("cubic")
	const want = `no interpolation "cubic"; have bilinear, nearest, bicubic, mitchell, lanczos2, lanczos3`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A plain image stays plain, at any size and shape.
func TestResizePlain(t *testing.T) {
	want := color.RGBA{10, 128, 250, 255}
	for _, from := range []image.Point{{1, 1}, {1, 300}, {300, 1}, {13, 7}, {maxSide, 2}} {
		for _, to := range []image.Point{{1, 2}, {2, 1}, {227, 227}, {5, 300}} {
			if from.X == maxSide && to.X < 4 {
				continue // see maxSide
			}
			for _, how := range Interpolations() {
				img := Resize(uniform(from.X, from.Y, want), to.Y, to.X, how)
				if img.Rect != (image.Rectangle{Max: to}) {
					t.Fatalf("%s %v to %v: got %v", how, from, to, img.Rect)
				}
				for y := range to.Y {
					for x := range to.X {
						if got := img.RGBAAt(x, y); !near(got, want, 1) {
							t.Fatalf("%s %v to %v: pixel (%d, %d) is %v", how, from, to, x, y, got)
						}
					}
				}
			}
		}
	}
}

// Bilinear against the plain formula: a triangle filter, as wide as the scale.
func TestResizeBilinear(t *testing.T) {
	const w, h, outW, outH = 31, 17, 12, 23
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	r := newRandom(1)
	for i := range img.Pix {
		img.Pix[i] = uint8(r.next())
	}
	got := Resize(img, outH, outW, Bilinear)
	weights := func(out, outN, n int) map[int]float64 {
		scale := float64(n) / float64(outN)
		reach := max(scale, 1)
		center := (float64(out)+0.5)*scale - 0.5
		weights, sum := map[int]float64{}, 0.0
		for i := int(center - reach - 1); i <= int(center+reach+1); i++ {
			if weight := 1 - math.Abs(float64(i)-center)/reach; weight > 0 {
				weights[max(0, min(n-1, i))] += weight
				sum += weight
			}
		}
		for i := range weights {
			weights[i] /= sum
		}
		return weights
	}
	for y := range outH {
		for x := range outW {
			var want float64
			for sy, wy := range weights(y, outH, h) {
				for sx, wx := range weights(x, outW, w) {
					want += wy * wx * float64(img.RGBAAt(sx, sy).G)
				}
			}
			// The library rounds down, twice, and its weights are of 8 bits.
			if g := float64(got.RGBAAt(x, y).G); g < want-3.5 || g > want+1.5 {
				t.Fatalf("pixel (%d, %d): got %v, want %.2f", x, y, g, want)
			}
		}
	}
}

func TestResizeSameSize(t *testing.T) {
	img := mosaic()
	if Resize(img, 32, 64, "") != img {
		t.Error("an image of the right size is not returned as it is")
	}
}

func TestCopyRGB(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 4, 3))
	for i := range img.Pix {
		img.Pix[i] = uint8(i)
	}
	part := img.SubImage(image.Rect(1, 1, 3, 3)).(*image.RGBA)
	dst := make([]uint8, 14)
	CopyRGB(dst, part)
	want := []uint8{20, 21, 22, 24, 25, 26, 36, 37, 38, 40, 41, 42, 0, 0}
	if !slices.Equal(dst, want) {
		t.Errorf("got %v, want %v", dst, want)
	}
}
