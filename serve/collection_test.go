package serve

import (
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oscar/internal/testkit"
)

// Links out of a folder are not followed, and it is said.
func TestLinksOutOfAFolderAreNamed(t *testing.T) {
	photos, browsed, inside := t.TempDir(), t.TempDir(), t.TempDir()
	for _, dir := range []string{photos, inside} {
		for _, name := range []string{"can/a.png", "can/b.png"} {
			if err := os.MkdirAll(filepath.Join(dir, "can"), 0o777); err != nil {
				t.Fatal(err)
			}
			testkit.WritePNG(t, filepath.Join(dir, name), image.NewGray(image.Rect(0, 0, 3, 3)))
		}
	}
	if err := os.Symlink(filepath.Join(photos, "can"), filepath.Join(browsed, "can")); err != nil {
		t.Fatal(err)
	}
	const reason = "the first is can/a.png: links that are absolute or lead out of the folder are not followed; name the folder of the files themselves"
	_, err := newCollections(t.Context(), []string{browsed}, nil, nil)
	if want := "2 images of " + browsed + " left out, " + reason; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if err := os.Symlink(filepath.Join(photos, "can", "a.png"), filepath.Join(inside, "can", "0.png")); err != nil {
		t.Fatal(err)
	}
	found, err := newCollections(t.Context(), []string{inside}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(found)
	if c := found[0]; len(c.entries) != 2 || !strings.HasPrefix(c.note, "1 image of "+inside+" left out, the first is can/0.png: links ") {
		t.Errorf("%d images, note %q", len(c.entries), c.note)
	}

	// The same of results.
	results, of := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(results, "explain.json"), []byte("{}"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(results, filepath.Join(of, "explained")); err != nil {
		t.Fatal(err)
	}
	_, err = newCollections(t.Context(), nil, []string{of}, nil)
	if want := "; " + filepath.Join(of, "explained") + " is a link: name the folder that it leads to"; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got  %v\nwant ...%s", err, want)
	}
}
