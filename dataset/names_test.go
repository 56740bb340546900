package dataset

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Folders that machines make are no classes, and hold no images of one.
func TestScanMachineFolders(t *testing.T) {
	files := map[string][]byte{"can/1.png": shade(t, 1), "box/2.png": shade(t, 2)}
	for i, name := range append(slices.Clone(machineFolders), "LOST+FOUND", "$Recycle.Bin") {
		files[name+"/1.png"] = shade(t, 10+i)
		files["can/"+name+"/1.png"] = shade(t, 30+i)
	}
	root := writeTree(t, files)
	folder, err := Scan(t.Context(), root, ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(folder.Classes) != "[box can]" || len(folder.Items) != 2 {
		t.Errorf("classes %v with %d images, want box and can with 2", folder.Classes, len(folder.Items))
	}
	for name := range files {
		dir := filepath.ToSlash(filepath.Dir(name))
		if machineMade(filepath.Base(dir)) && !slices.Contains(folder.Notes, fmt.Sprintf("%q is a folder that a machine made and is passed over", dir)) {
			t.Errorf("notes %q do not name %q", folder.Notes, dir)
		}
	}
	images, err := ListImages(t.Context(), []string{root})
	if err != nil || len(images) != 2 {
		t.Errorf("images %q, %v; want 2", images, err)
	}
}

// A name is the same however its accents are written.
func TestScanNames(t *testing.T) {
	const composed, apart = "caf\u00e9", "cafe\u0301"
	root := writeTree(t, map[string][]byte{apart + "/1.png": shade(t, 1), "zinc/2.png": shade(t, 2)})
	folder, err := Scan(t.Context(), root, ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if folder.Classes[0] != composed || folder.Items[0].Path != apart+"/1.png" {
		t.Errorf("class %+q with %+q, want %+q with the folder's own name", folder.Classes[0], folder.Items[0].Path, composed)
	}
	root = writeTree(t, map[string][]byte{apart + "/1.png": shade(t, 1), composed + "/2.png": shade(t, 2)})
	if _, err := Scan(t.Context(), root, ScanOptions{}); err == nil || !strings.Contains(err.Error(), "rename one") {
		t.Errorf("one name twice: %v", err)
	}
	for _, alike := range [][2]string{{"Can", "can"}, {"can", "can "}, {"tin can", "tin_can"}, {"can", "\uff43an"}, {"Stra\u00dfe", "strasse"}} {
		root := writeTree(t, map[string][]byte{alike[0] + "/1.png": shade(t, 1), alike[1] + "/2.png": shade(t, 2), "zinc/3.png": shade(t, 3)})
		folder, err := Scan(t.Context(), root, ScanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if notes := strings.Join(folder.Notes, "; "); !strings.Contains(notes, "look alike") || strings.Contains(notes, "zinc") {
			t.Errorf("notes %q of %q", notes, alike)
		}
	}
}

// A folder that cannot be read is listed, and does not end the walk.
func TestWalkUnreadable(t *testing.T) {
	root := writeTree(t, map[string][]byte{"a/1.png": nil, "secret/2.png": nil, "z/3.png": nil})
	secret := filepath.Join(root, "secret")
	var files []string
	add := func(path string) error { files = append(files, path); return nil }
	w := walk{ctx: t.Context(), file: add, seen: map[string]bool{}, read: func(dir string) ([]os.DirEntry, error) {
		if dir == secret {
			return nil, &fs.PathError{Op: "open", Path: dir, Err: fs.ErrPermission}
		}
		return os.ReadDir(dir)
	}}
	if err := w.list(root); err != nil {
		t.Fatal(err)
	}
	if want := []string{filepath.Join(root, "a/1.png"), secret, filepath.Join(root, "z/3.png")}; !slices.Equal(files, want) {
		t.Errorf("files %q, want %q", files, want)
	}
	if os.Geteuid() == 0 {
		t.Skip("root may read every folder")
	}
	if err := os.Chmod(secret, 0); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(secret, 0o700)
	if _, err := ReadFile(secret, Limits{}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("reading it says %v", err)
	}
}
