package dataset

import (
	"image"
	"image/color"
	"math"
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

// Pixels are those of nfnt/resize, but for its rounding down, and those of the
// plain formula, without a bias.
func TestBilinearRounds(t *testing.T) {
	r := newRandom(3)
	sizes := []image.Point{{512, 384}, {227, 227}, {1, 1}, {1, 300}, {300, 1}, {31, 17}, {2, 2}, {3, 700}, {3000, 20}}
	for range 20 {
		sizes = append(sizes, image.Pt(1+r.intn(400), 1+r.intn(400)))
	}
	bias, n := 0.0, 0
	for _, from := range sizes {
		for _, to := range []image.Point{{227, 227}, {13, 29}, {64, 32}, {1 + r.intn(300), 1 + r.intn(300)}} {
			if from == to {
				continue // the library gives back the image
			}
			img := noise(from.X, from.Y, r)
			got := bilinear(img, to.Y, to.X)
			if got == nil || got.Rect != (image.Rectangle{Max: to}) {
				t.Fatalf("%v to %v: got %v", from, to, got)
			}
			library := resize.Resize(uint(to.X), uint(to.Y), img, resize.Bilinear).(*image.RGBA)
			exact := triangleFilter(img, to.Y, to.X)
			for i, v := range got.Pix {
				if d := int(v) - int(library.Pix[i]); max(from.X/to.X, from.Y/to.Y) < 30 && (d < 0 || d > 2) {
					t.Fatalf("%v to %v: byte %d is %d, the library has %d", from, to, i, v, library.Pix[i])
				}
				d := float64(v) - exact[i]
				if math.Abs(d) > 2.5 {
					t.Fatalf("%v to %v: byte %d is %d, want %.2f", from, to, i, v, exact[i])
				}
				if i%4 < 3 {
					bias, n = bias+d, n+1
				}
			}
		}
	}
	if bias /= float64(n); math.Abs(bias) > 0.05 {
		t.Errorf("pixels are %.3f too bright on average", bias)
	}
}

// triangleFilter is the formula: weights fall evenly to 0 one pixel of the result away.
func triangleFilter(img *image.RGBA, height, width int) []float64 {
	weights := func(in, out int) [][]float64 {
		scale := float64(in) / float64(out)
		reach := max(scale, 1)
		all := make([][]float64, out)
		for i := range all {
			center, sum := scale*(float64(i)+0.5)-0.5, 0.0
			all[i] = make([]float64, in)
			for k := int(center-reach) - 1; k <= int(center+reach)+1; k++ {
				w := max(1-math.Abs(center-float64(k))/reach, 0)
				all[i][min(max(k, 0), in-1)] += w // beyond the edge is the edge
				sum += w
			}
			for k := range all[i] {
				all[i][k] /= sum
			}
		}
		return all
	}
	w, h := img.Rect.Dx(), img.Rect.Dy()
	across, down := weights(w, width), weights(h, height)
	narrow := make([]float64, h*width*4)
	for y := range h {
		for x, row := range across {
			for k, weight := range row {
				if weight != 0 {
					for c := range 4 {
						narrow[(y*width+x)*4+c] += weight * float64(img.Pix[y*img.Stride+4*k+c])
					}
				}
			}
		}
	}
	out := make([]float64, height*width*4)
	for y, column := range down {
		for k, weight := range column {
			if weight != 0 {
				for i := range width * 4 {
					out[y*width*4+i] += weight * narrow[k*width*4+i]
				}
			}
		}
	}
	return out
}

// The sums of a white image are the largest that there are, in every lane.
func TestBilinearOfWhite(t *testing.T) {
	done := 0
	for width := 30; width <= 514*8; width += 1 + width/300 {
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
	if done < 500*8 {
		t.Errorf("nothing is done beyond a width of %d", done)
	}
}

// What does not fit is left to the library.
func TestBilinearDeclines(t *testing.T) {
	r := newRandom(4)
	wide, clear := noise(9*520, 5, r), noise(20, 20, r)
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
