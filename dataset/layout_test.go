package dataset

import (
	"fmt"
	"strings"
	"testing"
)

// Where the classes are folders of folders, the parts of the data set must not be
// learnt as classes.
func TestScanLayout(t *testing.T) {
	const instead = " instead"
	for name, test := range map[string]struct {
		files   string
		refused string // "" if it is not
		note    string // "" if there is none
	}{
		"parts":             {"train/can/1 train/box/2 test/can/3 test/box/4", "", "the parts are as the data set has them: train, test; split off from train: validation"},
		"parts and another": {"train/can/1 train/box/2 test/can/3 test/box/4 more/can/5", "holds test, train: parts of a data set, not classes, which are folders within them (box, can): name", ""},
		"three parts":       {"Train/can/1 Train/box/2 valid/can/3 valid/box/4 test/can/5 test/box/6", "", "the parts are as the data set has them: train, validation, test"},
		"two validations":   {"train/can/1 train/box/2 val/can/3 valid/can/4", "has two folders for validation, val and valid: name the right one with --validation", ""},
		"a table beside":    {"train/can/1 train/box/2 train/README.md test/can/3 test/box/4", "", `train: "README.md" lies outside the class folders`},
		"a flat test":       {"train/can/1 train/box/2 test/3 test/4", "", `"test" has 2 files and no class folders: without labels it is not used`},
		"masks":             {"images/can/1 images/box/2 masks/can/3 masks/box/4", "images\"" + instead, ""},
		"one part":          {"train/can/1 train/box/2", "has one class folder only (train), with folders within it (box, can): if those are the classes, name", ""},
		"other names":       {"a/can/1 a/box/2 b/can/3 b/box/4", "", "the classes are a, b, each with the same folders within it (box, can)"},
		"nested":            {"can/old/1 can/new/2 box/old/3 box/flat/4", "", `class "can": 2 of 2 images lie in folders within it and count as its own (new: 1, old: 1)`},
		"nested alike":      {"can/images/1 box/images/2", "", `class "box": 1 of 1 images lie in folders within it and count as its own (images: 1)`},
		"partly nested":     {"can/old/1 can/2 can/3 can/new/4 box/5", "", `class "can": 2 of 4 images lie in folders`},
		"a train, a bus":    {"train/steam/1 train/diesel/2 bus/old/3", "", `class "train": 2 of 2 images lie in folders within it and count as its own (diesel: 1, steam: 1)`},
		"tell train, test":  {"train/1 train/2 test/3", "", ""},
		"nested and photos": {"train/old/1 train/new/2 train/3 train/4 test/5", "", `class "train": 2 of 4 images lie in folders`},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string][]byte{}
			for i, path := range strings.Fields(test.files) {
				if !strings.Contains(path, ".") {
					path += ".png"
				}
				files[path] = shade(t, i)
			}
			folder, err := Scan(t.Context(), writeTree(t, files), ScanOptions{})
			if test.refused != "" {
				if err == nil || !strings.Contains(err.Error(), test.refused) || strings.Contains(err.Error(), "\n") {
					t.Errorf("error %q does not say %q in one line", err, test.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(folder.Notes); (test.note == "") != (len(folder.Notes) == 0) || !strings.Contains(got, test.note) {
				t.Errorf("notes %s, want %q", got, test.note)
			}
		})
	}
}
