package pipeline

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"oscar/internal/checksum"
	"oscar/internal/paths"
	"oscar/result"
)

// TestStaleRowsRemoveNothingOutside gives explain a part of a manifest whose rows
// name files outside of the folder, in each of their fields.
func TestStaleRowsRemoveNothingOutside(t *testing.T) {
	top := t.TempDir()
	out, secret := filepath.Join(top, "out"), filepath.Join(top, "secret")
	part := filepath.Join(out, partsDir, "000000-0123456789ab.jsonl")
	for _, path := range []string{secret, part} {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("secret"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("..", filepath.Join(out, "up")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../secret", secret, "maps/../../secret", "up/secret"} {
		for _, row := range []Row{{Map: name}, {Overlay: name}, {Sheet: name}} {
			text, err := json.Marshal(row)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(part, text, 0o666); err != nil {
				t.Fatal(err)
			}
			err = dropStale(out, nil) // an error or not
			if !paths.Exists(secret) {
				t.Fatalf("%s removed a file outside of the folder", text)
			}
			if name == "up/secret" { // a link is found when the file is opened
				if err != nil || paths.Exists(part) {
					t.Errorf("the part with %s stays: %v", text, err)
				}
				continue
			}
			if err := os.WriteFile(filepath.Join(out, result.ManifestFile), text, 0o666); err != nil {
				t.Fatal(err)
			}
			if _, err := ReadManifest(out); err == nil {
				t.Errorf("a manifest with %s is read", text)
			}
		}
	}
}

// A row whose file is no regular file within the folder is made again by explain; draw says
// so. Files outside stay as they are.
func TestRowsOfFilesElsewhereAreMadeAgain(t *testing.T) {
	top := t.TempDir()
	outside := filepath.Join(top, "outside")
	victim := filepath.Join(outside, "victim.png")
	write(t, victim, "victim")
	o := ExplainOptions{Paths: []string{photos(t, 2)}, Out: filepath.Join(top, "out"), Settings: settings()}
	explained(t, o)
	whole := tree(t, o.Out)
	parts, err := partNames(o.Out)
	if err != nil || len(parts) != 1 {
		t.Fatal(parts, err)
	}
	rows, err := readPart(o.Out, parts[0])
	if err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"lnk": outside, "up": "../outside", "own.png": victim} {
		if err := os.Symlink(to, filepath.Join(o.Out, link)); err != nil {
			t.Fatal(err)
		}
	}
	for field, of := range map[string]func(*Row) *string{
		"map": func(r *Row) *string { return &r.Map }, "overlay": func(r *Row) *string { return &r.Overlay }, "sheet": func(r *Row) *string { return &r.Sheet },
	} {
		for _, name := range []string{"lnk/victim.png", "lnk/new.png", "up/victim.png", "own.png", mapsDir} {
			for _, damaged := range []bool{false, true} {
				if damaged && name == mapsDir {
					continue // a folder has no checksum
				}
				changed := slices.Clone(rows)
				*of(&changed[0]) = name
				if err := errors.Join(writePart(o.Out, parts[0], changed), checksum.WriteList(o.Out, parts[0], []string{partsDir + "/" + parts[0]})); err != nil {
					t.Fatal(err)
				}
				if list, err := checksum.ReadList(o.Out, parts[0]); err != nil {
					t.Fatal(err)
				} else if damaged {
					list[name] = strings.Repeat("0", 64)
					write(t, filepath.Join(o.Out, filepath.FromSlash(checksum.ListName(parts[0]))), string(list.Text()))
				}
				if err := checksum.Remove(o.Out, checksum.ListName(parts[0])); err != nil {
					t.Fatal(err)
				}
				if _, err := Draw(t.Context(), DrawOptions{Dir: o.Out, Machine: oneThread}); err == nil || !strings.Contains(err.Error(), `make them with the same "oscar explain"`) {
					t.Errorf("%s %s: draw: %v", field, name, err)
				}
				if _, err := tryExplain(t, &o); err != nil {
					t.Errorf("%s %s, damaged %v: %v", field, name, damaged, err)
				}
				if name == "own.png" && damaged { // the link itself was removed, and the name may be drawn
					if err := errors.Join(removeIfExists(filepath.Join(o.Out, name)), os.Symlink(victim, filepath.Join(o.Out, name))); err != nil {
						t.Fatal(err)
					}
				} else if again, err := readPart(o.Out, parts[0]); err != nil || !reflect.DeepEqual(again, rows) {
					t.Errorf("%s %s, damaged %v: the rows are not as before: %v", field, name, damaged, err)
				}
				if entries, err := os.ReadDir(outside); err != nil || len(entries) != 1 || readText(t, victim) != "victim" {
					t.Fatalf("%s %s: files outside were changed: %v", field, name, err)
				}
			}
		}
	}
	for _, link := range []string{"lnk", "up", "own.png"} {
		if err := os.Remove(filepath.Join(o.Out, link)); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range tree(t, o.Out) {
		if whole[name] != text {
			t.Errorf("%s has changed", name)
		}
	}
}

// A folder of maps or drawings that is a link to elsewhere is refused, with what to do.
func TestFoldersElsewhereAreRefused(t *testing.T) {
	for _, name := range []string{mapsDir, overlaysDir} {
		outside := t.TempDir()
		o := ExplainOptions{Paths: []string{photos(t, 1)}, Out: filepath.Join(t.TempDir(), "out"), Settings: settings()}
		explained(t, o)
		link := filepath.Join(o.Out, name)
		if err := errors.Join(os.RemoveAll(link), os.Symlink(outside, link)); err != nil {
			t.Fatal(err)
		}
		if _, err := tryExplain(t, &o); err == nil || !strings.HasSuffix(err.Error(), "the link "+link+" leads out of the folder; remove the link") {
			t.Errorf("%s: %v", name, err)
		}
		if entries, err := os.ReadDir(outside); err != nil || len(entries) != 0 {
			t.Errorf("%s: %v in the folder elsewhere, %v", name, entries, err)
		}
	}
}
