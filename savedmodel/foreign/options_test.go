package foreign

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// oscar.yaml says how images are fitted; a flag wins over it.
func TestAspectOfAModel(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, sidecarFile), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("image: {aspect: letterbox, padding: 114}\n")
	base, _, err := ReadSidecar(dir)
	if err != nil || base.Image.Aspect != "letterbox" || base.Image.Padding != 114 {
		t.Fatalf("%+v, %v", base.Image, err)
	}
	if o := (Options{}).Over(base); o.Image.Padding != 114 || o.Check() != nil {
		t.Errorf("%+v", o.Image)
	}
	if o := (Options{Image: Image{Aspect: "crop"}}).Over(base); o.Image.Aspect != "crop" || o.Check() != nil {
		t.Errorf("%+v: %v", o.Image, o.Check())
	}
	for text, want := range map[string]string{
		"image: {aspect: pad}":                  `no aspect "pad"; have stretch, letterbox, crop`,
		"image: {padding: 3}":                   "padding is 3, which only the aspect letterbox has",
		"image: {aspect: crop, padding: 300}":   "padding is 300, want a grey from 0 to 255",
		"image: {interpolation: area}":          `no interpolation "area"`,
		"image: {aspect: crop, padding: false}": "cannot unmarshal",
	} {
		write(text)
		if _, _, err := ReadSidecar(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
