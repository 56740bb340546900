package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shade is a small PNG that differs from those of other numbers.
func shade(t testing.TB, n int) []byte {
	return pngOf(t, uniform(4, 3, color.RGBA{uint8(n), uint8(n >> 8), 7, 255}))
}

func TestScan(t *testing.T) {
	jpegData := jpegOf(t, mosaic())
	root := writeTree(t, map[string][]byte{
		"cat/2.png":          shade(t, 2),
		"cat/1.jpg":          shade(t, 1), // a PNG in truth
		"cat/old/deep/3.png": shade(t, 3),
		"cat/notes.txt":      []byte("hello"),
		"cat/empty.png":      nil,
		"cat/.hidden.png":    shade(t, 4),
		"cat/.git/5.png":     shade(t, 5),
		"dog/1.jpg":          jpegData,
		"dog/half.jpg":       jpegData[:len(jpegData)-20],
		".cache/1.png":       shade(t, 6),
		"README":             []byte("about"),
	})
	for verify, wantHalf := range map[bool]bool{false: true, true: false} {
		var calls []int
		folder, err := Scan(t.Context(), root, ScanOptions{Verify: verify, Workers: 3, Progress: func(done, total int) {
			calls = append(calls, done)
			if total != 7 {
				t.Errorf("progress is of %d files, want 7", total)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		if want := []int{1, 2, 3, 4, 5, 6, 7}; !slices.Equal(calls, want) {
			t.Errorf("progress %v, want %v", calls, want)
		}
		want := []string{"cat/1.jpg", "cat/2.png", "cat/old/deep/3.png", "dog/1.jpg"}
		unreadable := []string{"cat/empty.png: empty file", `cat/notes.txt: not a JPEG, PNG, GIF, BMP, TIFF or WebP image (begins with "hello")`}
		if wantHalf {
			want = append(want, "dog/half.jpg")
		} else {
			unreadable = append(unreadable, "dog/half.jpg: JPEG")
		}
		var paths []string
		for _, item := range folder.Items {
			paths = append(paths, item.Path)
			data, err := os.ReadFile(filepath.Join(root, item.Path))
			if err != nil {
				t.Fatal(err)
			}
			if sum := sha256.Sum256(data); item.SHA256 != hex.EncodeToString(sum[:]) {
				t.Errorf("%s has the hash %s", item.Path, item.SHA256)
			}
			if class, _, _ := strings.Cut(item.Path, "/"); folder.Classes[item.Class] != class {
				t.Errorf("%s has the class %q", item.Path, folder.Classes[item.Class])
			}
		}
		var problems []string
		for _, p := range folder.Unreadable {
			if p.Path == "dog/half.jpg" && strings.Contains(p.Reason, "JPEG") {
				p.Reason = "JPEG" // Go says one thing or another
			}
			problems = append(problems, p.Path+": "+p.Reason)
		}
		if diff := cmp.Diff(want, paths); diff != "" {
			t.Errorf("verify %v: items (-want +got):\n%s", verify, diff)
		}
		if diff := cmp.Diff(unreadable, problems); diff != "" {
			t.Errorf("verify %v: unreadable (-want +got):\n%s", verify, diff)
		}
		if diff := cmp.Diff([]string{
			`"README" lies outside the class folders and is not used`,
			`class "cat": 1 of 3 images lie in folders within it and count as its own (old: 1)`,
		}, folder.Notes); diff != "" {
			t.Errorf("notes (-want +got):\n%s", diff)
		}
	}
}

func TestScanDuplicates(t *testing.T) {
	root := writeTree(t, map[string][]byte{
		"a/1.png": shade(t, 1), "a/2.png": shade(t, 2), "a/3.png": shade(t, 2),
		"b/1.png": shade(t, 1), "b/4.png": shade(t, 4),
	})
	folder, err := Scan(t.Context(), root, ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var groups []string
	for _, group := range folder.Duplicates {
		var paths []string
		for _, item := range group {
			paths = append(paths, item.Path)
		}
		groups = append(groups, strings.Join(paths, " "))
	}
	if diff := cmp.Diff([]string{"a/1.png b/1.png", "a/2.png a/3.png"}, groups); diff != "" {
		t.Errorf("duplicates (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		"label conflict, the same content in more than one class: a/1.png, b/1.png",
		"the same content, kept in the same part: a/2.png, a/3.png",
	}, folder.Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	if len(folder.Items) != 5 {
		t.Errorf("%d items, want all 5", len(folder.Items))
	}
}

// Notes on images that are not split say nothing of parts, whether the set has its own or not.
func TestScanUnsplit(t *testing.T) {
	root := writeTree(t, map[string][]byte{
		"a/1.png": shade(t, 1), "a/2.png": shade(t, 1), "b/3.png": shade(t, 2), "b/4.png": shade(t, 3), "a/5.png": shade(t, 3),
		"t.csv": []byte("file,class,split\na/1.png,a,train\na/2.png,a,train\na/5.png,a,train\nb/3.png,b,train\nb/4.png,b,train\n"),
		"u.csv": []byte("file,class\na/1.png,a\na/2.png,a\na/5.png,a\nb/3.png,b\nb/4.png,b\n"),
	})
	want := []string{
		"label conflict, the same content in more than one class: a/5.png, b/4.png",
		"the same content: a/1.png, a/2.png",
	}
	for _, table := range []string{"t.csv", "u.csv"} {
		folder, err := Scan(t.Context(), filepath.Join(root, table), ScanOptions{Unsplit: true})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, folder.Notes); diff != "" {
			t.Errorf("%s: notes (-want +got):\n%s", table, diff)
		}
	}
}

func TestScanErrors(t *testing.T) {
	image := shade(t, 1)
	for name, test := range map[string]struct {
		files map[string][]byte
		want  string
	}{
		"empty":      {nil, "is empty: one sub-folder per class is needed"},
		"no folders": {map[string][]byte{"1.png": image, "2.png": image}, "2 files (1.png, ...) lie directly in"},
		"one class":  {map[string][]byte{"cat/1.png": image}, "has one class folder only (cat): at least two classes are needed"},
		"no image":   {map[string][]byte{"cat/1.png": image, "dog/x.txt": []byte("x")}, `class "dog" has no readable image in`},
		"hidden":     {map[string][]byte{"cat/1.png": image, "dog/.x.png": image}, `class "dog" has no readable image in`},
		"not utf-8":  {map[string][]byte{"cat/1.png": image, "d\xff/1.png": image}, `"d\xff" in`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Scan(t.Context(), writeTree(t, test.files), ScanOptions{})
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q does not say %q in one line", err, test.want)
			}
		})
	}
	if _, err := Scan(t.Context(), filepath.Join(t.TempDir(), "none"), ScanOptions{}); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "none") {
		t.Errorf("missing root: %v", err)
	}
	file := filepath.Join(writeTree(t, map[string][]byte{"x": image}), "x")
	if _, err := Scan(t.Context(), file, ScanOptions{}); err == nil || !strings.Contains(err.Error(), "is a file") {
		t.Errorf("root is a file: %v", err)
	}
	root := writeTree(t, map[string][]byte{"a/1.png": image, "b/1.png": image})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Scan(ctx, root, ScanOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func TestScanUnreadableFolder(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read every folder")
	}
	root := writeTree(t, map[string][]byte{"a/1.png": shade(t, 1), "b/in/1.png": shade(t, 2)})
	locked := filepath.Join(root, "b", "in")
	if err := os.Chmod(locked, 0); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(locked, 0o755)
	if _, err := Scan(t.Context(), root, ScanOptions{}); !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), locked) {
		t.Errorf("got %v", err)
	}
}

// Links are followed, those that form a loop once; what cannot be read without
// blocking is reported.
func TestScanLinks(t *testing.T) {
	elsewhere := writeTree(t, map[string][]byte{"more/9.png": shade(t, 9), "8.png": shade(t, 8)})
	root := writeTree(t, map[string][]byte{"a/1.png": shade(t, 1), "a/sub/2.png": shade(t, 2)})
	for link, target := range map[string]string{
		"a/loop":      root,                                 // to the parent of its own class
		"a/again":     filepath.Join(root, "a", "sub"),      // to a folder beside it
		"a/8.png":     filepath.Join(elsewhere, "8.png"),    // to a file
		"a/broken":    filepath.Join(elsewhere, "none.png"), // to nothing
		"a/sub/self":  "self",                               // to itself
		"b":           elsewhere,                            // a class
		"a/sub/loop2": "..",
	} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(root, "a", "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	folder, err := Scan(t.Context(), root, ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, item := range folder.Items {
		paths = append(paths, item.Path)
	}
	for _, p := range folder.Unreadable {
		paths = append(paths, p.Path+": "+p.Reason)
	}
	want := []string{
		"a/1.png", "a/8.png", "a/loop/b/8.png", "a/loop/b/more/9.png", "a/sub/2.png", "b/8.png", "b/more/9.png",
		"a/broken: no such file or directory", "a/pipe: not a regular file (p---------)",
		"a/sub/self: too many levels of symbolic links",
	}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestListImages(t *testing.T) {
	root := writeTree(t, map[string][]byte{
		"b/2.png": nil, "b/1.png": nil, "b/.x.png": nil, "a.png": nil, "b/deep/3.txt": nil, "empty/.x": nil,
	})
	at := func(name string) string { return filepath.Join(root, name) }
	list, err := ListImages(t.Context(), []string{at("b"), at("a.png"), at("b/../b/1.png")})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{at("a.png"), at("b/1.png"), at("b/2.png"), at("b/deep/3.txt")}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := ListImages(t.Context(), []string{at("b"), at("none.png")}); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "none.png") {
		t.Errorf("missing file: %v", err)
	}
	if _, err := ListImages(t.Context(), []string{at("empty")}); err == nil || !strings.Contains(err.Error(), "no files in") {
		t.Errorf("empty folder: %v", err)
	}
}
