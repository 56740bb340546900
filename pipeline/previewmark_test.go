package pipeline

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

func TestAPreviewReplacesOnlyAPreview(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "sheet.png"), filepath.Join(dir, "photo.png")
	img := image.NewRGBA(image.Rect(0, 0, 7, 5))
	img.Pix[0], img.Pix[3] = 200, 255
	for range 2 { // new, and once more
		if err := replaceable(path); err != nil {
			t.Fatal(err)
		}
		if err := writePreview(path, img); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := png.Decode(f); err != nil || got.Bounds() != img.Bounds() || color.RGBAModel.Convert(got.At(0, 0)) != img.RGBAAt(0, 0) {
		t.Errorf("the marked picture is %v, %v", got, err)
	}
	plain, err := os.Create(other)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(plain, img); err != nil {
		t.Fatal(err)
	}
	plain.Close()
	for _, path := range []string{other, dir, "/dev/null"} {
		if replaceable(path) == nil {
			t.Errorf("%s would be replaced", path)
		}
	}
}
