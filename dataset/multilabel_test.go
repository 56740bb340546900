package dataset

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// severalIn writes n different images and a table, and scans it.
func severalIn(t *testing.T, n int, name, table string, options TableOptions) (*Folder, error) {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		img := image.NewGray(image.Rect(0, 0, 3, 3))
		img.SetGray(0, 0, color.Gray{uint8(i)})
		img.SetGray(1, 0, color.Gray{uint8(i >> 8)})
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.png", i)), b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(table), 0o666); err != nil {
		t.Fatal(err)
	}
	return Scan(t.Context(), path, ScanOptions{Table: options})
}

// Labels as people have them: columns of 0 and 1, lists with several separators, lists
// that Python printed, JSON.
func TestSeveralLabels(t *testing.T) {
	for name, c := range map[string]struct{ columns, file, table, classes string }{
		"columns":      {"labels=dog+cat", "t.csv", "image,split,cat,dog\n0,train,1,0\n1,train,1,1\n2,test,0,\n", "dog cat"},
		"all columns":  {"labels=*", "t.csv", "image,split,cat,dog\n0,train,1.0,False\n1,train,1,TRUE\n2,test,0,0\n", "cat dog"},
		"bars":         {"labels=tags", "t.csv", "path,tags\n0.png,cat\n1.png,cat|dog\n2.png,\n", "cat dog"},
		"spaces":       {"labels=tags", "t.csv", "path,tags\n0.png,cat\n1.png,dog cat\n2.png,\n", "cat dog"},
		"commas":       {"labels=tags", "t.csv", "path,tags\n0.png,cat\n1.png,\"cat, dog\"\n2.png,\n", "cat dog"},
		"semicolons":   {"labels=tags", "t.tsv", "path\ttags\n0.png\tcat\n1.png\tcat;dog;cat\n2.png\t\n", "cat dog"},
		"Python":       {"labels=tags", "t.csv", "path,tags\n0.png,['cat']\n1.png,\"['cat', \"\"dog\"\"]\"\n2.png,[]\n", "cat dog"},
		"JSON":         {"labels=tags", "t.jsonl", `{"path":"0.png","tags":["cat"]}` + "\n" + `{"path":"1.png","tags":["cat","dog"]}` + "\n" + `{"path":"2.png","tags":[]}` + "\n", "cat dog"},
		"JSON columns": {"labels=cat+dog", "t.jsonl", `{"path":"0.png","cat":true,"dog":false}` + "\n" + `{"path":"1.png","cat":1,"dog":"1"}` + "\n" + `{"path":"2.png","dog":0}` + "\n", "cat dog"},
	} {
		t.Run(name, func(t *testing.T) {
			columns, err := ParseColumns(c.columns)
			if err != nil || columns.String() != c.columns {
				t.Fatalf("%v %v", columns, err)
			}
			f, err := severalIn(t, 3, c.file, c.table, TableOptions{Columns: columns})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(f.Classes, " "); got != c.classes || !f.MultiLabel {
				t.Fatalf("classes %q, several %t", got, f.MultiLabel)
			}
			for i, want := range []string{"cat", "cat dog", ""} {
				var got []string
				for _, class := range f.Items[i].Labels {
					got = append(got, f.Classes[class])
				}
				slices.Sort(got)
				if strings.Join(got, " ") != want || f.Items[i].Class != -1 {
					t.Errorf("image %d has %q and class %d, want %q", i, got, f.Items[i].Class, want)
				}
			}
			if !slices.ContainsFunc(f.Notes, func(n string) bool { return strings.Contains(n, "1 image without a label") }) {
				t.Errorf("notes %q", f.Notes)
			}
		})
	}
}

func TestSeveralLabelsRefused(t *testing.T) {
	for want, c := range map[string]struct{ columns, file, table string }{
		`line 3: column cat is "-1", want 0 or 1`:       {"labels=cat+dog", "t.csv", "path,cat,dog\n0.png,1,0\n1.png,-1,1\n"},
		`no column "tag" (tags?)`:                       {"labels=tag", "t.csv", "path,tags\n0.png,a\n"},
		`no column "bird"`:                              {"labels=cat+bird", "t.csv", "path,cat\n0.png,1\n"},
		"column cat is named twice":                     {"labels=cat+cat", "t.csv", "path,cat\n0.png,1\n"},
		"no column is left for labels":                  {"labels=*", "t.csv", "path\n0.png\n"},
		"one label an image, and tags several":          {"labels=tags,label=class", "t.csv", "path,tags,class\n0.png,a|b,c\n"},
		"no image has a label":                          {"labels=cat+dog", "t.csv", "path,cat,dog\n0.png,0,0\n"},
		`class "dog" has no readable image`:             {"labels=cat+dog", "t.csv", "path,cat,dog\n0.png,1,0\n"},
		"one class only (cat)":                          {"labels=tags", "t.csv", "path,tags\n0.png,cat\n1.png,\n"},
		"take --columns labels=label":                   {"path=path", "t.jsonl", `{"path":"0.png","label":["a","b"]}` + "\n"},
		"want texts or numbers":                         {"labels=tags", "t.jsonl", `{"path":"0.png","tags":[["a"],"b"]}` + "\n"},
		"tags is map[a:1], want a list of labels":       {"labels=tags", "t.jsonl", `{"path":"0.png","tags":{"a":1}}` + "\n"},
		`class "b" has no image in the train part that`: {"labels=tags", "t.csv", "path,split,tags\n0.png,train,a\n1.png,test,a|b\n"},
	} {
		columns, err := ParseColumns(c.columns)
		if err != nil {
			t.Fatal(err)
		}
		f, err := severalIn(t, 2, c.file, c.table, TableOptions{Columns: columns})
		if err == nil {
			_, err = NewSplit(f, DefaultFractions, 1)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// Images with several labels are divided by the rarest: each label has about its share in
// each part, also where labels come together. The split is read again as it was.
func TestSplitSeveralLabels(t *testing.T) {
	table := "path,tags\n"
	for i := range 400 {
		var tags []string
		for _, c := range []struct {
			name  string
			every int
		}{{"often", 2}, {"middle", 5}, {"rare", 23}} {
			if i%c.every == 0 {
				tags = append(tags, c.name)
			}
		}
		table += fmt.Sprintf("%d.png,%s\n", i, strings.Join(tags, "|"))
	}
	f, err := severalIn(t, 400, "t.csv", table, TableOptions{Columns: Columns{Labels: "tags"}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSplit(f, [3]float64{0.6, 0.2, 0.2}, 3)
	if err != nil {
		t.Fatal(err)
	}
	count := func(items []Item, class string) (n int) {
		for _, item := range items {
			if slices.Contains(item.Labels, slices.Index(s.Classes, class)) {
				n++
			}
		}
		return n
	}
	all, _ := s.Part("all")
	if len(all) != 400 || len(s.Train) < 238 || len(s.Train) > 242 {
		t.Fatalf("%d images, %d in train", len(all), len(s.Train))
	}
	for _, class := range s.Classes {
		total, share := count(all, class), float64(count(s.Validation, class))
		if want := 0.2 * float64(total); share < want-4 || share > want+4 {
			t.Errorf("%s: %g of %d images in validation", class, share, total)
		}
	}
	path := filepath.Join(t.TempDir(), "split.json")
	if err := s.Write(path); err != nil {
		t.Fatal(err)
	}
	again, err := ReadSplit(path)
	if err != nil || again.Hash != s.Hash || !again.MultiLabel || !slices.Equal(again.Train[7].Labels, s.Train[7].Labels) {
		t.Errorf("read again: %v", err)
	}
	// A few images of a label that few have: they have a stratum together.
	small, err := severalIn(t, 30, "t.csv", "path,tags\n"+func() (rows string) {
		for i := range 30 {
			rows += fmt.Sprintf("%d.png,%s\n", i, map[bool]string{true: "a|b", false: "a"}[i%6 == 0])
		}
		return rows
	}(), TableOptions{Columns: Columns{Labels: "tags"}})
	if err == nil {
		_, err = NewSplit(small, DefaultFractions, 1)
	}
	if err != nil {
		t.Error(err)
	}
}
