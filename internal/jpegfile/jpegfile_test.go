package jpegfile

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"testing"

	"oscar/internal/graph"
)

// dots is a picture of single red pixels on gray, as maps of small images are.
func dots(width, height int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			c := color.RGBA{120, 120, 120, 255}
			if (7*x+3*y)%23 == 0 {
				c = color.RGBA{160, 20, 20, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	return img
}

// farthest is the largest difference of a channel of two pictures.
func farthest(got image.Image, want *image.RGBA) (far int) {
	for y := range want.Rect.Dy() {
		for x := range want.Rect.Dx() {
			r, g, b, _ := got.At(x, y).RGBA()
			c := want.RGBAAt(x, y)
			for _, d := range []int{int(r>>8) - int(c.R), int(g>>8) - int(c.G), int(b>>8) - int(c.B)} {
				far = max(far, d, -d)
			}
		}
	}
	return far
}

// Single pixels of a small picture keep their colors, in both decoders.
func TestSmallPicturesKeepTheirColors(t *testing.T) {
	for _, size := range []image.Point{{28, 28}, {1, 1}, {9, 8}, {127, 300}, {300, 31}} {
		img := dots(size.X, size.Y)
		var ours, halved bytes.Buffer
		if err := Encode(&ours, img, 92); err != nil {
			t.Fatal(err)
		}
		if err := jpeg.Encode(&halved, img, &jpeg.Options{Quality: 92}); err != nil {
			t.Fatal(err)
		}
		decoded, err := jpeg.Decode(bytes.NewReader(ours.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		other, err := jpeg.Decode(bytes.NewReader(halved.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		off, before := farthest(decoded, img), farthest(other, img)
		t.Logf("%v: off by %d at most in %d bytes; with half the colors by %d in %d", size, off, ours.Len(), before, halved.Len())
		if off > 24 || size.X > 8 && before < 2*off {
			t.Errorf("%v: off by %d, with half the colors by %d", size, off, before)
		}
		rgb, height, width, err := graph.DecodeJPEG(t.Context(), ours.Bytes())
		if err != nil || height != size.Y || width != size.X {
			t.Fatalf("%v: libjpeg-turbo reads %d x %d, %v", size, width, height, err)
		}
		turbo := image.NewRGBA(img.Rect)
		for i := range height * width {
			copy(turbo.Pix[4*i:], rgb[3*i:3*i+3])
			turbo.Pix[4*i+3] = 255
		}
		if off := farthest(turbo, img); off > 24 {
			t.Errorf("%v: libjpeg-turbo is off by %d", size, off)
		}
	}
}

// Larger pictures are as image/jpeg writes them.
func TestLargePicturesAreSmallFiles(t *testing.T) {
	img := dots(128, 200)
	var ours, theirs bytes.Buffer
	if err := Encode(&ours, img, 92); err != nil {
		t.Fatal(err)
	}
	if err := jpeg.Encode(&theirs, img, &jpeg.Options{Quality: 92}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(ours.Bytes(), theirs.Bytes()) {
		t.Error("other bytes than image/jpeg's")
	}
}
