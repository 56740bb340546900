package pipeline

import (
	"bytes"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"
)

// Overlays of small images have all colors: half of them would gray the peak of a map.
func TestOverlaysOfSmallImagesHaveAllColors(t *testing.T) {
	dir := t.TempDir()
	p, err := newPainter(settings(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	for side, want := range map[int]image.YCbCrSubsampleRatio{28: image.YCbCrSubsampleRatio444, 127: image.YCbCrSubsampleRatio444, 128: image.YCbCrSubsampleRatio420} {
		draw := func() *image.RGBA { return image.NewRGBA(image.Rect(0, 0, 200, side)) }
		if err := p.write(t.Context(), "x.jpg", draw); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(dir, "x.jpg"))
		if err != nil {
			t.Fatal(err)
		}
		img, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := img.(*image.YCbCr); !ok || got.SubsampleRatio != want {
			t.Errorf("%d pixels: %T %v, want %v", side, img, got.SubsampleRatio, want)
		}
	}
}
