package graph

import (
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

// JPEGs that image/jpeg refuses have the pixels that Pillow reads.
func TestDecodeJPEG(t *testing.T) {
	for _, file := range []string{"jpeg-22-11-12.jpg", "jpeg-31-11-11.jpg", "faults/jpeg-sampling-22-11-12.jpg"} {
		t.Run(file, func(t *testing.T) {
			path := filepath.Join("..", "..", "dataset", "testdata", filepath.FromSlash(file))
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			rgb, height, width, err := DecodeJPEG(t.Context(), data)
			if err != nil {
				t.Fatal(err)
			}
			f, err := os.Open(path + ".png")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			want, err := png.Decode(f)
			if err != nil {
				t.Fatal(err)
			}
			if b := want.Bounds(); b.Dx() != width || b.Dy() != height || len(rgb) != 3*width*height {
				t.Fatalf("%d bytes of %dx%d pixels, want %v", len(rgb), width, height, b)
			}
			for i := range width * height {
				r, g, b, _ := want.At(i%width, i/width).RGBA()
				for c, v := range []uint32{r >> 8, g >> 8, b >> 8} {
					if d := int(v) - int(rgb[3*i+c]); d > 2 || d < -2 {
						t.Fatalf("pixel %d, channel %d is %d, want %d within 2", i, c, rgb[3*i+c], v)
					}
				}
			}
		})
	}
	if _, _, _, err := DecodeJPEG(t.Context(), []byte("no JPEG")); err == nil {
		t.Error("text is decoded")
	}
}
