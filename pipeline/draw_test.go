package pipeline

import (
	"image"
	"os"
	"oscar/internal/testkit"
	"path/filepath"
	"testing"
)

// The strip can be left out of overlays, and drawn again.
func TestBareOverlays(t *testing.T) {
	dir := t.TempDir()
	photo := image.NewRGBA(image.Rect(0, 0, 300, 200)) // with place for a strip
	for i := range photo.Pix {
		photo.Pix[i] = uint8(i%251 | 3)
	}
	testkit.WritePNG(t, filepath.Join(dir, "photo.png"), photo)
	_, rows := explained(t, ExplainOptions{Paths: []string{filepath.Join(dir, "photo.png")}, Out: filepath.Join(dir, "out")})
	overlay := func() string {
		b, err := os.ReadFile(filepath.Join(dir, "out", rows[0].Overlay))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	full := overlay()
	for _, bare := range []bool{true, false, true} {
		n := &notes{}
		defer func() {
			if len(n.lines) > 0 { // drawings that were removed to be drawn anew are not lost
				t.Errorf("drawing again noted %q", n.lines)
			}
		}()
		if _, err := Draw(t.Context(), DrawOptions{Dir: filepath.Join(dir, "out"), Bare: &bare, Machine: oneThread, Listener: n.listener()}); err != nil {
			t.Fatal(err)
		}
		if same := overlay() == full; same == bare {
			t.Errorf("bare %v: the overlay is that with a strip: %v", bare, same)
		}
	}
}
