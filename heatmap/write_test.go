package heatmap

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	img := photo(40, 30)
	path := filepath.Join(dir, "picture.png")
	for range 2 { // the second takes the place of the first
		if err := WritePNG(path, img); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := decoded.(*image.RGBA); !ok || !bytes.Equal(got.Pix, img.Pix) {
		t.Error("the PNG holds other pixels")
	}

	path = filepath.Join(dir, "picture.jpg")
	if err := WriteJPEG(path, img); err != nil {
		t.Fatal(err)
	}
	if data, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	if decoded, err := jpeg.Decode(bytes.NewReader(data)); err != nil || decoded.Bounds() != img.Rect {
		t.Errorf("the JPEG: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestFailedWriteLeavesOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "picture.png")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := WritePNG(path, image.NewRGBA(image.Rectangle{})) // PNG has no empty pictures
	if err == nil || !strings.HasPrefix(err.Error(), "write image "+path+": ") {
		t.Errorf("error %v, want one with the path", err)
	}
	if data, _ := os.ReadFile(path); string(data) != "old" {
		t.Errorf("the old file now holds %q", data)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := WriteJPEG(filepath.Join(dir, "none", "x.jpg"), photo(2, 2)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func BenchmarkWritePNG(b *testing.B) {
	img := Overlay(photo(512, 384), with(hill(13, 13)))
	path := filepath.Join(b.TempDir(), "x.png")
	for b.Loop() {
		if err := WritePNG(path, img); err != nil {
			b.Fatal(err)
		}
	}
}
