package dataset

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What Keras, timm (with a class map) and ultralytics find in the same folders, in
// testdata/others.py: the same images with the same classes in the same parts. They read
// hidden files, too; timm reads no BMP, and its class map knows no folder within a class.
func TestFoldersAsOthers(t *testing.T) {
	b, err := os.ReadFile("testdata/others.json")
	if err != nil {
		t.Fatal(err)
	}
	var others struct {
		Files    []string
		Programs map[string]struct {
			Parts map[string]struct {
				Classes []string
				Images  [][2]string
			}
		}
	}
	if err := json.Unmarshal(b, &others); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for i, name := range others.Files {
		if files[name] = shade(t, i); strings.HasSuffix(name, ".txt") {
			files[name] = []byte("no image")
		}
	}
	folder, err := Scan(t.Context(), writeTree(t, files), ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	split, err := NewSplit(folder, DefaultFractions, 1)
	if err != nil {
		t.Fatal(err)
	}
	lacks := map[string][]string{"keras": nil, "timm": {"Paper/1.bmp", "glass/more/c.png"}, "ultralytics": nil}
	if len(others.Programs) != len(lacks) {
		t.Fatalf("%d programs", len(others.Programs))
	}
	for program, found := range others.Programs {
		for short, want := range found.Parts {
			got := map[string]string{}
			items, _ := split.Part(PartNames[partOf(short)])
			for _, item := range items {
				got[item.Path] = split.Classes[item.Class]
			}
			if program != "timm" && !slices.Equal(want.Classes, split.Classes) { // whose class map has its own order
				t.Errorf("classes %q, %s has %q", split.Classes, program, want.Classes)
			}
			for _, image := range want.Images {
				if class, ok := got[image[0]]; ok && class != image[1] || ok == strings.Contains(image[0], "/.") {
					t.Errorf("%s is of class %q, %s says %q", image[0], class, program, image[1])
				}
				delete(got, image[0])
			}
			for _, name := range lacks[program] {
				if _, ok := got[short+"/"+name]; !ok {
					t.Errorf("no %s in %s", name, short)
				}
				delete(got, short+"/"+name)
			}
			if len(got) > 0 {
				t.Errorf("%s has no %v", program, got)
			}
		}
	}
}

// Kaggle's layout: a table of file names without extension, and a folder of the images next to it.
func TestKaggleLayout(t *testing.T) {
	table, err := os.ReadFile("testdata/tables/kaggle.csv")
	if err != nil {
		t.Fatal(err)
	}
	root := writeTree(t, map[string][]byte{
		"labels.csv": table, "train/000bec180eb1.jpg": shade(t, 1), "train/0042188c895a.jpg": shade(t, 2),
		"train/7.5.jpg": shade(t, 3), "train/7.jpg": shade(t, 4), "test/1.jpg": shade(t, 5),
	})
	opts := TableOptions{Columns: Columns{Path: "id", Label: "breed"}}
	_, err = Scan(t.Context(), filepath.Join(root, "labels.csv"), ScanOptions{Table: opts})
	if err == nil || !strings.HasSuffix(err.Error(), `as "000bec180eb1": name their folder with --root`) {
		t.Errorf("without the folder: %v", err)
	}
	opts.Root = filepath.Join(root, "train")
	folder, err := Scan(t.Context(), filepath.Join(root, "labels.csv"), ScanOptions{Table: opts})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, item := range folder.Items {
		got = append(got, item.Path+" "+folder.Classes[item.Class])
	}
	slices.Sort(got)
	if want := []string{"000bec180eb1.jpg boston_bull", "0042188c895a.jpg dingo", "7.5.jpg pekinese", "7.jpg dingo"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
