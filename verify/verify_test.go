package verify

import (
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/dataset"
	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
	"oscar/internal/paths"
	"oscar/internal/testkit"
)

// folder is a run with a checkpoint, a model and a file of somebody else.
func folder(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	for _, name := range []string{
		"experiment.json", "metrics.jsonl", "events/x", "diary.txt",
		"checkpoints/best-0001/variables.index", "saved_model/saved_model.pb", "saved_model/variables/variables.index",
	} {
		testkit.Write(t, filepath.Join(dir, name), "text of "+name)
	}
	for _, sub := range []string{"checkpoints/best-0001", "saved_model"} {
		if err := checksum.Seal(filepath.Join(dir, sub)); err != nil {
			t.Fatal(err)
		}
	}
	if err := checksum.Update(dir, "experiment.json", "metrics.jsonl"); err != nil {
		t.Fatal(err)
	}
	return dir
}

func look(t *testing.T, dir string) *Folder {
	t.Helper()
	f, err := Dir(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestWhole(t *testing.T) {
	dir := folder(t)
	f := look(t, dir)
	if !f.Whole() || f.Kind != "run" || f.Files != 2 || len(f.Folders) != 2 || !slices.Equal(f.Foreign, []string{"diary.txt"}) || len(f.Unlisted) > 0 {
		t.Errorf("%+v", f)
	}
	if kinds := []string{f.Folders[0].Kind, f.Folders[1].Kind}; !slices.Equal(kinds, []string{"checkpoint", "model"}) {
		t.Errorf("within it are a %v", kinds)
	}
}

func TestDamaged(t *testing.T) {
	again := func(dir string) string {
		return "make it again, or go on from a whole checkpoint: oscar train --resume " + dir
	}
	for _, test := range []struct {
		in, name string
		remedy   func(dir string) string
	}{
		{"", "metrics.jsonl", func(dir string) string { return "make it again: oscar train --resume " + dir }},
		{"checkpoints/best-0001", "variables.index", again},
		{"saved_model", "variables/variables.index", again},
	} {
		for _, gone := range []bool{false, true} {
			dir := folder(t)
			path := filepath.Join(dir, test.in, test.name)
			err := os.Remove(path)
			if !gone {
				err = errors.Join(err, os.WriteFile(path, []byte("other"), 0o666))
			}
			if err != nil {
				t.Fatal(err)
			}
			f := look(t, dir)
			if f.Whole() {
				t.Errorf("%s: the folder is said to be whole", path)
			}
			for _, in := range f.All() {
				var want []File
				if in.Path == filepath.Join(dir, test.in) {
					want = []File{{test.name, gone, test.remedy(dir)}}
				}
				if !slices.Equal(in.Damaged, want) {
					t.Errorf("%s: damaged are %+v, want %+v", in.Path, in.Damaged, want)
				}
			}
		}
	}
}

func TestUnlistedAndForeign(t *testing.T) {
	dir := folder(t)
	if err := os.Remove(filepath.Join(dir, checksum.File)); err != nil {
		t.Fatal(err)
	}
	if f := look(t, dir); f.State != Unlisted || !slices.Equal(f.Unlisted, []string{"experiment.json", "metrics.jsonl"}) {
		t.Errorf("%+v", f)
	}
	other := t.TempDir()
	testkit.Write(t, filepath.Join(other, "a/b.txt"), "")
	if f := look(t, other); f.State != Foreign || f.Whole() {
		t.Errorf("%+v", f)
	}
}

// A data set that oscar drew, and predictions, are known by their files. A file is no folder.
func TestKindsOfOtherFolders(t *testing.T) {
	dir := t.TempDir()
	for name, kind := range map[string]string{"images/can/0000.png": "images", "images/0000.png": "images", "predict.json": "predictions"} {
		set := filepath.Join(dir, kind, filepath.Dir(name))
		testkit.Write(t, filepath.Join(set, name), "x")
		if err := checksum.Update(set, name); err != nil {
			t.Fatal(err)
		}
		if f := look(t, set); !f.Whole() || f.Kind != kind || f.Files != 1 {
			t.Errorf("%s: %+v", name, f)
		}
		testkit.Write(t, filepath.Join(set, name), "y")
		if f := look(t, set); f.State != Damaged || !strings.Contains(f.Damaged[0].Remedy, "repeat the command that made "+set) {
			t.Errorf("%s: %+v", name, f)
		}
		if err := os.Remove(filepath.Join(set, checksum.File)); err != nil {
			t.Fatal(err)
		}
		if f := look(t, set); kind == "images" && f.State != Foreign {
			t.Errorf("%s without checksums: %+v", name, f)
		}
	}
	file := filepath.Join(dir, "a.txt")
	testkit.Write(t, file, "x")
	for _, do := range []func() error{
		func() error { _, err := Dir(t.Context(), file); return err },
		func() error { return Accept(t.Context(), file) },
	} {
		if err := do(); err == nil || err.Error() != file+" is a file, want the folder of results that contains it" {
			t.Errorf("%v", err)
		}
	}
}

// Accept changes nothing in a folder while another process uses it or one within it.
func TestAcceptOfAFolderInUse(t *testing.T) {
	for _, used := range []string{".", "explained"} {
		dir := folder(t)
		testkit.Write(t, filepath.Join(dir, "explained/a.txt"), "")
		testkit.Write(t, filepath.Join(dir, "metrics.jsonl"), "mine")
		lock, err := atomicfile.Lock(filepath.Join(dir, used))
		if err != nil {
			t.Fatal(err)
		}
		defer lock.Close()
		if err := Accept(t.Context(), dir); !errors.Is(err, atomicfile.ErrInUse) || look(t, dir).State != Damaged {
			t.Errorf("%s is in use: %v", used, err)
		}
		if err := lock.Close(); err != nil {
			t.Fatal(err)
		}
		if err := Accept(t.Context(), dir); err != nil || !look(t, dir).Whole() {
			t.Errorf("%s was in use: %v", used, err)
		}
	}
}

// Accept removes what a killed process left, in the folder and below, and nothing of a folder
// that oscar did not make.
func TestAcceptCleans(t *testing.T) {
	dir, other := folder(t), t.TempDir()
	testkit.Write(t, filepath.Join(other, "a.txt"), "")
	for _, in := range []string{dir, filepath.Join(dir, "saved_model"), other} {
		testkit.Write(t, filepath.Join(in, atomicfile.Prefix+"x-1"), "")
	}
	for _, in := range []string{dir, other} {
		if err := Accept(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	for in, want := range map[string]bool{dir: false, filepath.Join(dir, "saved_model"): false, other: true} {
		if paths.Exists(filepath.Join(in, atomicfile.Prefix+"x-1")) != want {
			t.Errorf("%s: the temporary file is there: %v", in, !want)
		}
	}
}

func TestAccept(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"changed": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "metrics.jsonl"), []byte("mine"), 0o666)
		},
		"gone":    func(dir string) error { return os.Remove(filepath.Join(dir, "metrics.jsonl")) },
		"no list": func(dir string) error { return os.Remove(filepath.Join(dir, checksum.File)) },
		"a damaged list": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, checksum.File), []byte("nothing\n"), 0o666)
		},
		"within": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "saved_model", "saved_model.pb"), []byte("mine"), 0o666)
		},
	} {
		dir := folder(t)
		if err := spoil(dir); err != nil {
			t.Fatal(err)
		}
		if look(t, dir).Whole() {
			t.Errorf("%s: whole before", name)
		}
		if err := Accept(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
		if f := look(t, dir); !f.Whole() {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// Results of any kind among the images of a data set are no images and no class, nor are
// those behind a link.
func TestResultsAreNoImages(t *testing.T) {
	elsewhere := t.TempDir()
	for i, k := range kinds {
		if k.name == "images" {
			continue // a data set
		}
		data := t.TempDir()
		names := []string{"box/1.png", "can/2.png", "results/overlays/3.png", "can/results/overlays/4.png"}
		for j, name := range names {
			img := image.NewGray(image.Rect(0, 0, 8, 8))
			img.Pix[j] = 200
			testkit.WritePNG(t, filepath.Join(data, name), img)
		}
		for _, dir := range []string{"results", "can/results"} {
			testkit.Write(t, filepath.Join(data, dir, k.mark), "{}")
			if err := checksum.Seal(filepath.Join(data, dir)); err != nil {
				t.Fatal(err)
			}
		}
		real := filepath.Join(elsewhere, fmt.Sprint(i))
		if err := os.Rename(filepath.Join(data, "results"), real); err != nil {
			t.Fatal(err)
		}
		for _, place := range []string{"results", "link"} {
			path := filepath.Join(data, place)
			make := func() error { return os.Rename(real, path) }
			if place == "link" {
				make = func() error { return os.Symlink(real, path) }
			}
			if err := make(); err != nil {
				t.Fatal(err)
			}
			folder, err := dataset.Scan(t.Context(), data, dataset.ScanOptions{})
			if err != nil || fmt.Sprint(folder.Classes) != "[box can]" || len(folder.Items) != 2 {
				t.Errorf("%s: %v, %v", k.name, folder, err)
				continue
			}
			for _, dir := range []string{place, "can/results"} {
				if note := fmt.Sprintf("%q has results of oscar and is passed over", dir); !slices.Contains(folder.Notes, note) {
					t.Errorf("%s: notes %q, want %s", k.name, folder.Notes, note)
				}
			}
			images, err := dataset.ListImages(t.Context(), []string{data})
			if err != nil || len(images) != 2 {
				t.Errorf("%s: %q, %v", k.name, images, err)
			}
			if images, err = dataset.ListImages(t.Context(), []string{path}); err != nil || !slices.Contains(images, filepath.Join(path, "overlays/3.png")) {
				t.Errorf("%s, named by itself: %q, %v", k.name, images, err)
			}
			if err := os.Rename(path, real); place == "results" && err != nil {
				t.Fatal(err)
			}
		}
	}
}
