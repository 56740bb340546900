package graph

import (
	"bytes"
	"image"
	"image/jpeg"
	"math"
	"sync"
	"testing"
)

// scene is a smooth picture with an edge, its upper part cut off another one's.
func scene(width, height int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, width, height+3))
	for y := range height + 3 {
		for x := range width {
			p := img.Pix[img.PixOffset(x, y):]
			p[0], p[1], p[2], p[3] = uint8(255*x/width), uint8(255*y/(height+3)), uint8((x+y)%64), 255
			if x > y {
				p[2] += 128
			}
		}
	}
	return img.SubImage(image.Rect(0, 3, width, height+3)).(*image.RGBA)
}

// The picture comes back as near as through image/jpeg at the same quality.
func TestJPEG(t *testing.T) {
	encoder, err := NewJPEG(92)
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	for _, size := range []image.Point{{160, 120}, {121, 83}, {1, 1}, {3, 200}} {
		img := scene(size.X, size.Y)
		got, err := encoder.Encode(t.Context(), img)
		if err != nil {
			t.Fatal(err)
		}
		var want bytes.Buffer
		if err := jpeg.Encode(&want, img, &jpeg.Options{Quality: 92}); err != nil {
			t.Fatal(err)
		}
		ours, theirs := distance(t, got, img), distance(t, want.Bytes(), img)
		t.Logf("%v: off by %.2f in %d bytes; image/jpeg by %.2f in %d", size, ours, len(got), theirs, want.Len())
		if ours > theirs*1.1+0.1 {
			t.Errorf("%v: off by %g, image/jpeg by %g", size, ours, theirs)
		}
		again, err := encoder.Encode(t.Context(), img)
		if err != nil || !bytes.Equal(got, again) {
			t.Errorf("%v: other bytes the second time: %v", size, err)
		}
	}
}

// distance is the root of the mean squared difference of a JPEG from an image.
func distance(t *testing.T, data []byte, want *image.RGBA) float64 {
	t.Helper()
	got, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if got.Bounds().Size() != want.Rect.Size() {
		t.Fatalf("%v, want %v", got.Bounds(), want.Rect)
	}
	sum := 0.0
	for y := range want.Rect.Dy() {
		for x := range want.Rect.Dx() {
			r, g, b, _ := got.At(x, y).RGBA()
			c := want.RGBAAt(want.Rect.Min.X+x, want.Rect.Min.Y+y)
			for _, d := range []float64{float64(r>>8) - float64(c.R), float64(g>>8) - float64(c.G), float64(b>>8) - float64(c.B)} {
				sum += d * d
			}
		}
	}
	return math.Sqrt(sum / float64(3*want.Rect.Dx()*want.Rect.Dy()))
}

func TestJPEGConcurrently(t *testing.T) {
	encoder, err := NewJPEG(92)
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	img := scene(90, 70)
	want, err := encoder.Encode(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 20 {
				if got, err := encoder.Encode(t.Context(), img); err != nil || !bytes.Equal(got, want) {
					t.Errorf("other bytes beside others: %v", err)
				}
			}
		})
	}
	group.Wait()
}

func TestJPEGRefusals(t *testing.T) {
	for _, test := range []struct {
		quality int
		picture *image.RGBA
	}{
		{101, scene(8, 8)},
		{-1, scene(8, 8)},
		{92, image.NewRGBA(image.Rectangle{})},
	} {
		encoder, err := NewJPEG(test.quality)
		if err != nil {
			continue
		}
		if _, err := encoder.Encode(t.Context(), test.picture); err == nil {
			t.Errorf("quality %d, %v: no error", test.quality, test.picture.Rect)
		}
		encoder.Close()
	}
}

func BenchmarkJPEG(b *testing.B) {
	encoder, err := NewJPEG(92)
	if err != nil {
		b.Fatal(err)
	}
	defer encoder.Close()
	img := scene(512, 384)
	b.Run("libjpeg-turbo", func(b *testing.B) {
		for b.Loop() {
			if _, err := encoder.Encode(b.Context(), img); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("image/jpeg", func(b *testing.B) {
		var to bytes.Buffer
		for b.Loop() {
			to.Reset()
			if err := jpeg.Encode(&to, img, &jpeg.Options{Quality: 92}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
