package dataset

import (
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A file of the same size and time is not read again. Any other is, and so is every file
// whose line of the list is damaged.
func TestHashList(t *testing.T) {
	root, kept := t.TempDir(), t.TempDir()
	image := pngOf(t, uniform(2, 2, color.RGBA{10, 20, 30, 255}))
	other := pngOf(t, uniform(2, 2, color.RGBA{30, 20, 10, 255}))
	if len(image) != len(other) {
		t.Fatalf("images of %d and %d bytes", len(image), len(other))
	}
	old := time.Now().Add(-time.Hour)
	put := func(i int, data []byte, at time.Time) {
		t.Helper()
		path := filepath.Join(root, string(rune('a'+i%2)), fmt.Sprintf("%04d.png", i))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	for i := range hashedFrom {
		put(i, image, old)
	}
	put(4, []byte("no image"), old)
	// scan returns the paths whose hash is not the usual one, or that are unreadable.
	scan := func(verify bool) string {
		t.Helper()
		f, err := Scan(t.Context(), root, ScanOptions{Verify: verify, Hashes: kept})
		if err != nil {
			t.Fatal(err)
		}
		var paths []string
		for _, item := range f.Items {
			if item.SHA256 != f.Items[0].SHA256 {
				paths = append(paths, item.Path)
			}
		}
		for _, p := range f.Unreadable {
			paths = append(paths, "unreadable "+p.Path)
		}
		return strings.Join(paths, " ")
	}
	for _, step := range []struct {
		what   string
		change func()
		verify bool
		want   string
	}{
		{"first", func() {}, false, "unreadable a/0004.png"},
		{"same size and time", func() { put(6, other, old) }, false, "unreadable a/0004.png"},
		{"decoded, which nothing was", func() {}, true, "a/0006.png unreadable a/0004.png"},
		{"another time", func() { put(7, other, old.Add(time.Nanosecond)) }, true, "a/0006.png b/0007.png unreadable a/0004.png"},
		{"another size", func() { put(8, append(other, 0), old) }, true, "a/0006.png a/0008.png b/0007.png unreadable a/0004.png"},
		{"repaired", func() { put(4, image, old) }, true, "a/0006.png a/0008.png b/0007.png"},
		{"new", func() { put(hashedFrom, other, time.Now()) }, true, "a/0006.png a/0008.png a/1000.png b/0007.png"},
		{"new, changed at once", func() { put(hashedFrom, image, time.Now()) }, true, "a/0006.png a/0008.png b/0007.png"},
		{"gone", func() { os.Remove(filepath.Join(root, "a/0006.png")) }, true, "a/0008.png b/0007.png"},
		{"damaged list", func() { put(20, other, old); damageList(t, kept, "a/0010.png") }, true, "a/0008.png a/0020.png b/0007.png"},
	} {
		step.change()
		if got := scan(step.verify); got != step.want {
			t.Errorf("%s: %s\nwant %s", step.what, got, step.want)
		}
	}
	if entries, err := os.ReadDir(kept); err != nil || len(entries) != 1 {
		t.Errorf("%d lists, %v; want 1", len(entries), err)
	}
	// As without a list.
	with, err := Scan(t.Context(), root, ScanOptions{Hashes: kept})
	if err != nil {
		t.Fatal(err)
	}
	without, err := Scan(t.Context(), root, ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(without, with, cmp.AllowUnexported(Folder{})); diff != "" {
		t.Errorf("(-without list +with):\n%s", diff)
	}
}

// damageList changes a digit in the line of a path.
func damageList(t *testing.T, dir, path string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, entries[0].Name())
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b[strings.Index(string(b), path)+len(path)+2] ^= 1
	if err := os.WriteFile(name, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

// Only the newest lists stay.
func TestHashListsAreFew(t *testing.T) {
	dir := t.TempDir()
	for i := range hashLists + 3 {
		path := filepath.Join(dir, fmt.Sprint(i))
		at := time.Unix(int64(1000-i), 0)
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	removeOldest(dir)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != hashLists {
		t.Fatalf("%d lists, %v", len(entries), err)
	}
	if _, err := os.Stat(filepath.Join(dir, fmt.Sprint(hashLists+2))); err == nil {
		t.Error("the oldest list is still there")
	}
}
