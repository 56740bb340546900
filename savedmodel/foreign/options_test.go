package foreign

import (
	"os"
	"path/filepath"
	"slices"
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
		"image: {aspect: crop, padding: false}": "image.padding is a bool, want a whole number",
		"image: {scal: 0..1}":                   `image has an unknown key "scal" (scale?); have height, width, scale,`,
		"explian: conv":                         `the file has an unknown key "explian" (explain?); have signature,`,
		"trust: true":                           `the file has an unknown key "trust"`,
		"tried: true":                           `the file has an unknown key "tried"`,
		"image: 0..1":                           "image is 0..1, want some of the keys height, width, scale,",
		"classes: cup":                          "classes is a string, want a list",
		"classes: [a]\nclasses: [b]":            `line 2: mapping key "classes" already defined at line 1`,
		"[conv]":                                "the file has no keys; want some of signature,",
		"image: {":                              "yaml: line 1: did not find expected",
	} {
		write(text)
		if _, _, err := ReadSidecar(dir); err == nil || !strings.Contains(err.Error(), want) || strings.ContainsAny(err.Error(), "\n\t") || strings.Contains(err.Error(), "foreign.") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	for text, want := range map[string][]string{"classes: [7, yes, 1.5]": {"7", "yes", "1.5"}, "# none yet": nil, "": nil} {
		write(text)
		if o, _, err := ReadSidecar(dir); err != nil || !slices.Equal(o.Classes, want) {
			t.Errorf("%s: %q, %v", text, o.Classes, err)
		}
	}
}
