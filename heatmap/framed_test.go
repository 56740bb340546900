package heatmap

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"testing"

	"oscar/dataset"
	"oscar/explain"
)

// dotted is a black image with a white dot, and the dot's middle.
func dotted(size image.Point, dot image.Rectangle) (*image.RGBA, float64, float64) {
	img := image.NewRGBA(image.Rectangle{Max: size})
	draw.Draw(img, img.Rect, image.Black, image.Point{}, draw.Src)
	draw.Draw(img, dot, image.White, image.Point{}, draw.Src)
	return img, float64(dot.Min.X+dot.Max.X) / 2, float64(dot.Min.Y+dot.Max.Y) / 2
}

// middleOf is the center of mass of an image's red, where it is at least half.
func middleOf(img *image.RGBA) (x, y float64) {
	mass := 0.0
	for i := 0; i < len(img.Pix); i += 4 {
		if v := float64(img.Pix[i]); v > 127 {
			px, py := i%img.Stride/4, i/img.Stride
			x, y, mass = x+v*(float64(px)+0.5), y+v*(float64(py)+0.5), mass+v
		}
	}
	return x / mass, y / mass
}

// The map of an input lies where the image has what the input shows: a dot comes back to
// its place, in wide, tall and square images, whatever the aspect.
func TestFramedMapsLieOnTheImage(t *testing.T) {
	gray, err := LookupColorMap("gray")
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []image.Point{{192, 96}, {97, 211}, {128, 128}, {320, 100}} {
		for _, aspect := range dataset.Aspects() {
			for _, input := range []image.Point{{32, 32}, {48, 30}} {
				f := dataset.Framing{Width: input.X, Height: input.Y, Aspect: aspect, Padding: 0}
				seen, _ := f.Place(size)
				center := image.Pt((seen.Min.X*2+seen.Max.X)/3, (seen.Min.Y+3*seen.Max.Y)/4)
				photo, x, y := dotted(size, image.Rect(center.X-9, center.Y-9, center.X+9, center.Y+9))
				small := f.Apply(photo)
				heat := explain.NewGrid(input.Y, input.X)
				for i := range heat.Values {
					heat.Values[i] = float32(small.Pix[4*i]) / 255
				}
				out := BlendFramed(photo, heat, f, gray, 1)
				gotX, gotY := middleOf(out)
				if limit := 1.5; math.Abs(gotX-x) > limit || math.Abs(gotY-y) > limit || out.Rect.Size() != size {
					t.Errorf("%v in %v, %s: the dot is at (%.1f,%.1f), want (%.1f,%.1f)", size, input, aspect, gotX, gotY, x, y)
				}
				grid := OnImage(heat, f, size, 64, 64)
				best := 0
				for i, v := range grid.Values {
					if v > grid.Values[best] {
						best = i
					}
				}
				if gx, gy := float64(best%64*size.X)/64, float64(best/64*size.Y)/64; math.Abs(gx-x) > 16 || math.Abs(gy-y) > 16 {
					t.Errorf("%v in %v, %s: OnImage has the dot at (%.1f,%.1f), want (%.1f,%.1f)", size, input, aspect, gx, gy, x, y)
				}
			}
		}
	}
}

// What a crop left out is darkened, with a map and without one; the bars of a letterbox
// are not shown.
func TestFramedUnseen(t *testing.T) {
	photo := image.NewRGBA(image.Rect(0, 0, 80, 40))
	draw.Draw(photo, photo.Rect, image.NewUniform(color.RGBA{100, 100, 100, 255}), image.Point{}, draw.Src)
	for _, values := range [][]float32{{1, 0, 0, 1}, {0, 0, 0, 0}} {
		o := Options{Heat: explain.Grid{Height: 2, Width: 2, Values: values}, Framing: dataset.Framing{Height: 8, Width: 8, Aspect: dataset.Crop}}
		out := Paint(photo, o).Image.(*image.RGBA)
		for _, x := range []int{0, 19, 60, 79} {
			if got := out.RGBAAt(x, 20); got != (color.RGBA{40, 40, 40, 255}) {
				t.Errorf("%v: %v at column %d, which the model did not see", values, got, x)
			}
		}
		for _, x := range []int{20, 59} {
			if got := out.RGBAAt(x, 20); got == (color.RGBA{40, 40, 40, 255}) {
				t.Errorf("%v: column %d is dark", values, x)
			}
		}
		if photo.RGBAAt(0, 0) != (color.RGBA{100, 100, 100, 255}) {
			t.Fatal("the photograph was changed")
		}
	}
	// A map whose upper and lower quarter lie on bars: its middle fills the image.
	heat := explain.Grid{Height: 4, Width: 1, Values: []float32{9, 1, 1, 9}}
	grid := OnImage(heat, dataset.Framing{Height: 8, Width: 8, Aspect: dataset.Letterbox}, photo.Rect.Size(), 2, 1)
	if grid.Values[0] != 1 || grid.Values[1] != 1 {
		t.Errorf("the map on the image is %v, want 1 and 1", grid.Values)
	}
}
