package dataset

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/internal/testkit"
)

// partsTree has class folders of images within the folders of parts.
func partsTree(t *testing.T, parts ...string) string {
	t.Helper()
	files, n := map[string][]byte{}, 0
	for _, part := range parts {
		for _, class := range []string{"cats", "dogs"} {
			for i := range 8 {
				n++
				files[fmt.Sprintf("%s/%s/%d.png", part, class, i)] = shade(t, n)
			}
		}
	}
	files["README.md"] = []byte("loose")
	return writeTree(t, files)
}

// The layouts of Keras's image_dataset_from_directory, PyTorch's ImageFolder and
// ultralytics: what they have is taken, what they lack is split off from train.
func TestGivenParts(t *testing.T) {
	for name, test := range map[string]struct {
		folders string
		want    [3]int
		lacking string
	}{
		"keras":                {"train validation", [3]int{14, 16, 2}, "test"}, // round(8 x 0.15/0.85) a class
		"ultralytics":          {"train val test", [3]int{16, 16, 16}, ""},
		"roboflow":             {"train valid test", [3]int{16, 16, 16}, ""},
		"training, testing":    {"Training Testing", [3]int{14, 2, 16}, "validation"},
		"training, validation": {"training validation testing", [3]int{16, 16, 16}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			folders := strings.Fields(test.folders)
			root := partsTree(t, folders...)
			folder, err := Scan(t.Context(), root, ScanOptions{})
			if err != nil {
				t.Fatal(err)
			}
			split, err := NewSplit(folder, DefaultFractions, 1)
			if err != nil {
				t.Fatal(err)
			}
			if got := [3]int{len(split.Train), len(split.Validation), len(split.Test)}; got != test.want {
				t.Errorf("parts of %v, want %v", got, test.want)
			}
			for _, part := range folders {
				given := PartNames[partOf(part)]
				if split.Source.Folders[given] != part || !slices.Contains(split.Source.Given, given) {
					t.Errorf("source %+v", split.Source)
				}
				items, _ := split.Part(given)
				for _, item := range items {
					if !strings.HasPrefix(item.Path, part+"/") || !strings.Contains(item.Path, split.Classes[item.Class]) {
						t.Errorf("%s in %s", item.Path, given)
					}
				}
			}
			if notes := strings.Join(split.Notes, "\n"); (test.lacking != "") != strings.Contains(notes, "; split off from train: "+test.lacking) || !strings.Contains(notes, `"README.md" lies outside`) {
				t.Errorf("notes %s", notes)
			}
			file := filepath.Join(t.TempDir(), "split.json")
			if err := split.Write(file); err != nil {
				t.Fatal(err)
			}
			if _, err := ReadSplit(file); err != nil {
				t.Error(err)
			}
		})
	}
}

// Folders that are named one by one may lie anywhere.
func TestNamedParts(t *testing.T) {
	root := partsTree(t, "mine/learn", "elsewhere/exam")
	folder, err := Scan(t.Context(), "", ScanOptions{Parts: [3]string{filepath.Join(root, "mine/learn"), "", filepath.Join(root, "elsewhere/exam")}})
	if err != nil {
		t.Fatal(err)
	}
	split, err := NewSplit(folder, DefaultFractions, 1)
	if err != nil {
		t.Fatal(err)
	}
	if folder.Root != root || len(split.Test) != 16 || len(split.Validation) != 2 || split.Source.Folders["train"] != "mine/learn" || split.Test[0].Path != "elsewhere/exam/cats/0.png" {
		t.Errorf("root %s, test %d, validation %d, source %v", folder.Root, len(split.Test), len(split.Validation), split.Source)
	}
	for _, test := range []struct {
		parts [3]string
		want  string
	}{
		{[3]string{"", "mine", ""}, "the folder of train is missing: name it with --train"},
		{[3]string{"mine", "mine/learn", ""}, "the folders of the parts contain each other: "},
		{[3]string{"mine/learn", "mine/learn", ""}, "the folders of the parts contain each other: "},
		{[3]string{"mine/learn", "", "gone"}, "cannot read image folder "},
		{[3]string{"mine/learn", "README.md", ""}, "README.md\" is a file: expected a folder with one sub-folder per class"},
		{[3]string{"mine/learn", "elsewhere", ""}, "class \"exam\" of "},
	} {
		for i, dir := range test.parts {
			if dir != "" {
				test.parts[i] = filepath.Join(root, dir)
			}
		}
		if _, err := Scan(t.Context(), "", ScanOptions{Parts: test.parts}); err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: %v, want %s", test.parts, err, test.want)
		}
	}
}

// Given parts keep their duplicates, with a note; a group in two of them is refused.
func TestGivenPartsOverlap(t *testing.T) {
	root := partsTree(t, "train", "test")
	write := func(name string, n int) { testkit.Write(t, filepath.Join(root, name), string(shade(t, n))) }
	write("train/cats/9_a.png", 900)
	write("test/cats/9_b.png", 900)
	folder, err := Scan(t.Context(), root, ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	split, err := NewSplit(folder, DefaultFractions, 1)
	if err != nil {
		t.Fatal(err)
	}
	if want := "the same content in more than one part, as the data set has it: test/cats/9_b.png, train/cats/9_a.png"; !slices.Contains(split.Notes, want) {
		t.Errorf("notes %q", split.Notes)
	}
	if len(split.Test) != 17 {
		t.Errorf("%d images in test", len(split.Test))
	}
	if err := folder.Group(t.Context(), `/(\d+)_`, 0, ScanOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err = NewSplit(folder, DefaultFractions, 1)
	testkit.WantError(t, err, `"test/cats/9_b.png" and "train/cats/9_a.png" are of one group, and the data set has them in test and train: correct its parts, or leave groups out`)
}

func TestGivenTrainLacksAClass(t *testing.T) {
	root := partsTree(t, "images")
	table := filepath.Join(root, "t.csv")
	testkit.Write(t, table, "path,label,part\nimages/cats/1.png,cat,train\nimages/cats/2.png,cat,val\nimages/dogs/1.png,dog,val\n")
	folder, err := Scan(t.Context(), table, ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = NewSplit(folder, [3]float64{0.5, 0.5, 0}, 1)
	testkit.WantError(t, err, `class "dog" has no image in the train part that the data set has`)
}

// Many classes, and classes of two images.
func TestManyAndSmallClasses(t *testing.T) {
	files := map[string][]byte{}
	for class := range 200 {
		for i := range 3 {
			files[fmt.Sprintf("c%03d/%d.png", class, i)] = shade(t, 3*class+i)
		}
	}
	folder, err := Scan(t.Context(), writeTree(t, files), ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	split, err := NewSplit(folder, DefaultFractions, 1)
	if err != nil || len(split.Train) != 200 || len(split.Validation) != 200 || len(split.Test) != 200 {
		t.Errorf("%v", err)
	}
	folder, err = Scan(t.Context(), writeTree(t, map[string][]byte{"a/1.png": shade(t, 1), "a/2.png": shade(t, 2), "b/1.png": shade(t, 3), "b/2.png": shade(t, 4)}), ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = NewSplit(folder, DefaultFractions, 1)
	testkit.WantError(t, err, `class "a" has too few different images for the split [0.7 0.15 0.15]: 2, at least 3 are needed; add images, or name fewer parts, as --split 0.8,0.2,0`)
	split, err = NewSplit(folder, [3]float64{0.5, 0, 0.5}, 1)
	if err != nil || len(split.Train) != 2 || len(split.Test) != 2 {
		t.Errorf("%v", err)
	}
}
