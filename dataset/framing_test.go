package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"os"
	"testing"
)

// TensorFlow's resize_with_pad and Keras's smart_resize, in testdata/framing.py, lay
// images in the same places.
func TestPlaceAsTensorFlow(t *testing.T) {
	b, err := os.ReadFile("testdata/framing.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			Image, Input    [2]int
			Letterbox, Crop [4]int
		}
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < 40 {
		t.Fatalf("%d cases", len(file.Cases))
	}
	rounded := 0
	for _, c := range file.Cases {
		size := image.Pt(c.Image[0], c.Image[1])
		f := Framing{Width: c.Input[0], Height: c.Input[1], Aspect: Letterbox}
		if seen, placed := f.Place(size); seen != (image.Rectangle{Max: size}) || placed != rect(c.Letterbox) {
			// TensorFlow computes in float32, and may lose a pixel of a side that fits exactly.
			if theirs := rect(c.Letterbox); theirs.Dy() < f.Height && theirs.Dx() < f.Width {
				rounded++
				continue
			}
			t.Errorf("letterbox of %v in %v: %v at %v, TensorFlow has %v", size, c.Input, seen, placed, rect(c.Letterbox))
		}
		f.Aspect = Crop
		if seen, placed := f.Place(size); seen != rect(c.Crop) || placed != image.Rect(0, 0, f.Width, f.Height) {
			t.Errorf("crop of %v for %v: %v at %v, Keras has %v", size, c.Input, seen, placed, rect(c.Crop))
		}
	}
	if rounded > len(file.Cases)/10 {
		t.Errorf("%d of %d cases are rounded otherwise", rounded, len(file.Cases))
	}
}

func rect(r [4]int) image.Rectangle { return image.Rect(r[0], r[1], r[2], r[3]) }

// picture is an image of one color with a rectangle of another.
func picture(size image.Point, back color.RGBA, dot image.Rectangle, ink color.RGBA) *image.RGBA {
	img := image.NewRGBA(image.Rectangle{Max: size})
	draw.Draw(img, img.Rect, image.NewUniform(back), image.Point{}, draw.Src)
	draw.Draw(img, dot, image.NewUniform(ink), image.Point{}, draw.Src)
	return img
}

// A wide image of 8 x 4 in 4 x 4, worked out by hand.
func TestFramingApply(t *testing.T) {
	img := picture(image.Pt(8, 4), color.RGBA{100, 100, 100, 255}, image.Rect(4, 0, 8, 4), color.RGBA{200, 0, 0, 255})
	row := func(img *image.RGBA, y int) (out [4]uint8) {
		for x := range out {
			out[x] = img.Pix[img.PixOffset(x, y)]
		}
		return out
	}
	letterbox := Framing{Height: 4, Width: 4, Interpolation: Nearest, Aspect: Letterbox, Padding: 7}.Apply(img)
	for y, want := range [][4]uint8{{7, 7, 7, 7}, {100, 100, 200, 200}, {100, 100, 200, 200}, {7, 7, 7, 7}} {
		if got := row(letterbox, y); got != want {
			t.Errorf("letterbox row %d: %v, want %v", y, got, want)
		}
	}
	part := img.SubImage(image.Rect(1, 0, 7, 4)).(*image.RGBA) // does not begin at (0,0)
	crop := Framing{Height: 4, Width: 4, Aspect: Crop}
	for y := range 4 {
		for _, from := range []*image.RGBA{img, part} {
			if got, want := row(crop.Apply(from), y), [4]uint8{100, 100, 200, 200}; got != want {
				t.Errorf("crop row %d: %v, want %v", y, got, want)
			}
		}
	}
	if stretched := (Framing{Height: 4, Width: 4}); string(stretched.Apply(img).Pix) != string(Resize(img, 4, 4, Bilinear).Pix) {
		t.Error("the zero aspect does not stretch")
	}
	opaque := letterbox.Opaque()
	if !opaque {
		t.Error("the bars are transparent")
	}
}

// A file that is turned by EXIF is framed as it is seen; batches have these pixels, and a
// cache keeps framings apart.
func TestLoaderFrames(t *testing.T) {
	dir := t.TempDir()
	stored := picture(image.Pt(64, 32), color.RGBA{0, 0, 0, 255}, image.Rect(0, 0, 16, 32), color.RGBA{255, 255, 255, 255})
	file := dir + "/turned.jpg"
	turned := jpegWithEXIF(jpegOf(t, stored), exifBlock(binary.LittleEndian, 6)) // white at the top
	if err := os.WriteFile(file, turned, 0o666); err != nil {
		t.Fatal(err)
	}
	header, err := ReadHeader(turned, Limits{})
	if err != nil || header.Upright() != image.Pt(32, 64) {
		t.Fatalf("upright %v, %v", header.Upright(), err)
	}
	item := Item{Path: file, SHA256: fmt.Sprintf("%x", sha256.Sum256(turned))}
	at := func(a Aspect, y, x int) uint8 {
		l := newLoader(t, LoaderOptions{Framing: Framing{Height: 16, Width: 16, Aspect: a}, Cache: CacheDisk, CacheDir: dir})
		b := collect(t, l, []Item{item}, nil, 1)[0]
		return b.Images[3*(16*y+x)]
	}
	for _, c := range []struct {
		aspect Aspect
		y, x   int
		white  bool
	}{
		{Stretch, 2, 1, true}, {Stretch, 6, 1, false}, // the upper quarter
		{Letterbox, 2, 1, false}, {Letterbox, 2, 8, true}, {Letterbox, 6, 8, false}, // columns 4 to 12
		{Crop, 2, 8, false}, // the upper quarter is cut off
	} {
		if got := at(c.aspect, c.y, c.x); (got > 127) != c.white {
			t.Errorf("%s: %d at row %d, column %d; want white: %t", c.aspect, got, c.y, c.x, c.white)
		}
	}
}
