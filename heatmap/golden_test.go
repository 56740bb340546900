package heatmap

import (
	"flag"
	"image"
	"image/draw"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write the golden pictures anew")

// golden compares a picture with testdata/name.png. A channel may be off by a
// few steps: floating point differs between processors.
func golden(t *testing.T, name string, got *image.RGBA) {
	t.Helper()
	path := filepath.Join("testdata", name+".png")
	if *update {
		encoder := png.Encoder{CompressionLevel: png.BestCompression}
		if err := write(path, func(w io.Writer) error { return encoder.Encode(w, got) }); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatalf("%v; go test ./heatmap -update makes it", err)
	}
	defer file.Close()
	decoded, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	want := image.NewRGBA(decoded.Bounds())
	draw.Draw(want, want.Rect, decoded, image.Point{}, draw.Src)
	if got.Rect != want.Rect {
		t.Fatalf("%s: the picture is %v, want %v", name, got.Rect, want.Rect)
	}
	const tolerance = 3
	off, most := 0, 0
	for i := range want.Pix {
		d := int(got.Pix[i]) - int(want.Pix[i])
		if d = max(d, -d); d > tolerance {
			off++
		}
		most = max(most, d)
	}
	if off > 0 {
		t.Errorf("%s: %d channel values are off by more than %d, at most %d; look at it after go test ./heatmap -update",
			path, off, tolerance, most)
	}
}
