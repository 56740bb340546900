package report

import (
	"image"
	"os"
	"path/filepath"
	"testing"

	"oscar/heatmap"
	"oscar/internal/npy"
)

// TestFilesOutsideOfTheFolder names a picture and a map that can be read, outside
// of the folder of results.
func TestFilesOutsideOfTheFolder(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "results")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	img := image.NewRGBA(image.Rect(0, 0, 8, 8))
	for _, at := range []string{top, dir} {
		if err := heatmap.WriteJPEG(filepath.Join(at, "secret.jpg"), img); err != nil {
			t.Fatal(err)
		}
		if err := npy.Write(filepath.Join(at, "secret.npy"), []int{1, 1}, []float32{1}); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("..", filepath.Join(dir, "up")); err != nil {
		t.Fatal(err)
	}
	for name, allowed := range map[string]bool{"secret": true, "../secret": false, filepath.Join(top, "secret"): false, "up/secret": false} {
		if _, err := picture(dir, name+".jpg"); (err == nil) != allowed {
			t.Errorf("picture %s: %v", name, err)
		}
		if _, err := readGrid(dir, name+".npy"); (err == nil) != allowed {
			t.Errorf("map %s: %v", name, err)
		}
	}
}
