package dataset

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// folderOf makes a folder of n items a class, without files.
func folderOf(counts ...int) *Folder {
	f := &Folder{}
	for class, n := range counts {
		f.Classes = append(f.Classes, string(rune('a'+class)))
		for i := range n {
			f.Items = append(f.Items, Item{Path: fmt.Sprintf("%c/%03d.png", 'a'+class, i), Class: class, SHA256: hashOf(class*1000 + i)})
		}
	}
	return f
}

func hashOf(n int) string {
	hash := make([]byte, 32)
	hash[0], hash[1], hash[31] = byte(n), byte(n>>8), 1
	return hex.EncodeToString(hash)
}

func mustSplit(t testing.TB, f *Folder, fractions [3]float64, seed uint64) *Split {
	t.Helper()
	s, err := NewSplit(f, fractions, seed)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSplitCounts(t *testing.T) {
	for _, test := range []struct {
		n         int
		fractions [3]float64
		want      [3]int
	}{
		{100, DefaultFractions, [3]int{70, 15, 15}},
		{20, DefaultFractions, [3]int{14, 3, 3}},
		{10, DefaultFractions, [3]int{7, 2, 1}}, // 7, 1.5, 1.5: the earlier one
		{3, DefaultFractions, [3]int{1, 1, 1}},
		{4, DefaultFractions, [3]int{2, 1, 1}},
		{7, [3]float64{0.75, 0, 0.25}, [3]int{5, 0, 2}},
		{5, [3]float64{1, 0, 0}, [3]int{5, 0, 0}},
		{1, [3]float64{1, 0, 0}, [3]int{1, 0, 0}},
		{2, [3]float64{0.99, 0.01, 0}, [3]int{1, 1, 0}},
		{3, [3]float64{0.02, 0.49, 0.49}, [3]int{1, 1, 1}},
		{9, [3]float64{1. / 3, 1. / 3, 1. / 3}, [3]int{3, 3, 3}},
	} {
		s := mustSplit(t, folderOf(test.n, 30), test.fractions, 1)
		var got [3]int
		for part, items := range [][]Item{s.Train, s.Validation, s.Test} {
			for _, item := range items {
				if item.Class == 0 {
					got[part]++
				}
			}
		}
		if got != test.want {
			t.Errorf("%d by %v: got %v, want %v", test.n, test.fractions, got, test.want)
		}
	}
}

func TestSplitErrors(t *testing.T) {
	for name, test := range map[string]struct {
		n         int
		fractions [3]float64
		want      string
	}{
		"too few":       {2, DefaultFractions, `class "a" has too few different images for the split [0.7 0.15 0.15]: 2, at least 3 are needed; add images, or name fewer parts, as --split 0.8,0.2,0`},
		"one image":     {1, [3]float64{0.8, 0.2, 0}, "[0.8 0.2 0]: 1, at least 2 are needed; add images!"},
		"one for three": {1, DefaultFractions, "1, at least 3 are needed; add images!"},
		"sum":           {9, [3]float64{0.7, 0.2, 0.2}, "they must sum to 1"},
		"train 0":       {9, [3]float64{0, 0.5, 0.5}, "fraction of train is 0: it must be above 0"},
		"negative":      {9, [3]float64{1.2, -0.2, 0}, "they must not be below 0"},
		"nan":           {9, [3]float64{math.NaN(), 0.5, 0.5}, "must be above 0"},
		"inf":           {9, [3]float64{math.Inf(1), 0, 0}, "they must sum to 1"},
	} {
		if _, err := NewSplit(folderOf(test.n, 30), test.fractions, 1); err == nil || !strings.Contains(err.Error()+"!", test.want) {
			t.Errorf("%s: error %v does not say %q", name, err, test.want)
		}
	}
}

func TestParseFractions(t *testing.T) {
	for text, want := range map[string][3]float64{"": DefaultFractions, "0.75,0,0.25": {0.75, 0, 0.25}, " 1, 0 ,0": {1, 0, 0}} {
		if got, err := ParseFractions(text); got != want || err != nil {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"0.7", "0.7,0.3", "0.7,x,0.3", "0.7,0.2,0.2", "NaN,0,1", "1,0,0,0"} {
		if _, err := ParseFractions(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

// assignment tells the part of each content.
func assignment(s *Split) map[string]int {
	parts := map[string]int{}
	for part, items := range [][]Item{s.Train, s.Validation, s.Test} {
		for _, item := range items {
			parts[item.SHA256] = part
		}
	}
	return parts
}

// What part an image is in depends on the seed and on contents, not on names,
// their order, or the names of the classes.
func TestSplitDependsOnContentOnly(t *testing.T) {
	f := folderOf(40, 25, 31)
	s := mustSplit(t, f, DefaultFractions, 5)
	if diff := cmp.Diff(s, mustSplit(t, f, DefaultFractions, 5)); diff != "" {
		t.Errorf("made twice (-first +second):\n%s", diff)
	}
	other := &Folder{Classes: []string{"x", "y", "z"}}
	for i, j := range Order(len(f.Items), 9, 9) {
		item := f.Items[j]
		item.Path = fmt.Sprintf("%d.png", i)
		item.Class = 2 - item.Class
		other.Items = append(other.Items, item)
	}
	if diff := cmp.Diff(assignment(s), assignment(mustSplit(t, other, DefaultFractions, 5))); diff != "" {
		t.Errorf("renamed and shuffled (-first +second):\n%s", diff)
	}
	if cmp.Equal(assignment(s), assignment(mustSplit(t, f, DefaultFractions, 6))) {
		t.Error("another seed gives the same split")
	}
	if !slices.IsSortedFunc(s.Train, func(a, b Item) int { return strings.Compare(a.Path, b.Path) }) {
		t.Error("items are not sorted by path")
	}
}

// Files of the same content stay together, and every file is in one part.
func TestSplitDuplicates(t *testing.T) {
	for seed := range uint64(20) {
		f := folderOf(30, 30)
		for i := range 10 {
			twin := f.Items[3*i]
			twin.Path = fmt.Sprintf("a/twin%d.png", i)
			f.Items = append(f.Items, twin)
		}
		for i := range 4 { // in another class too
			twin := f.Items[30+i]
			twin.Class, twin.Path = 0, fmt.Sprintf("a/conflict%d.png", i)
			f.Items = append(f.Items, twin)
		}
		s := mustSplit(t, f, DefaultFractions, seed)
		all, _ := s.Part("all")
		if len(all) != len(f.Items) {
			t.Fatalf("%d items of %d", len(all), len(f.Items))
		}
		seen := map[string]int{}
		for part, items := range [][]Item{s.Train, s.Validation, s.Test} {
			for _, item := range items {
				if before, ok := seen[item.SHA256]; ok && before != part {
					t.Errorf("seed %d: %s is in two parts", seed, item.Path)
				}
				seen[item.SHA256] = part
				if strings.Contains(item.Path, "conflict") && part != 0 {
					t.Errorf("seed %d: %s, of two classes, is not in train", seed, item.Path)
				}
			}
		}
		counts := map[[2]int]int{}
		for hash, part := range seen {
			for class := range 2 {
				if slices.ContainsFunc(f.Items, func(i Item) bool { return i.SHA256 == hash && i.Class == class }) {
					counts[[2]int{class, part}]++
				}
			}
		}
		// 34 contents are 23.8, 5.1, 5.1; 30 are 21, 4.5, 4.5.
		if diff := cmp.Diff(map[[2]int]int{{0, 0}: 24, {0, 1}: 5, {0, 2}: 5, {1, 0}: 21, {1, 1}: 5, {1, 2}: 4}, counts); diff != "" {
			t.Errorf("seed %d: contents by class and part (-want +got):\n%s", seed, diff)
		}
	}
}

func TestSplitMostlyConflicts(t *testing.T) {
	f := folderOf(6, 30)
	for i := range 4 { // 4 of the 6 contents of a are in b too
		f.Items = append(f.Items, Item{Path: fmt.Sprintf("b/x%d.png", i), Class: 1, SHA256: f.Items[i].SHA256})
	}
	s := mustSplit(t, f, [3]float64{0.4, 0.3, 0.3}, 1)
	parts := assignment(s)
	if parts[f.Items[4].SHA256]+parts[f.Items[5].SHA256] != 3 {
		t.Errorf("the two that are left are in parts %d and %d, want validation and test", parts[f.Items[4].SHA256], parts[f.Items[5].SHA256])
	}
	f.Items = append(f.Items, Item{Path: "b/x4.png", Class: 1, SHA256: f.Items[4].SHA256})
	if _, err := NewSplit(f, DefaultFractions, 1); err == nil || !strings.Contains(err.Error(), `class "a" has too few images that are in no other class for the split [0.7 0.15 0.15]: 1, at least 2 are needed`) {
		t.Errorf("got %v", err)
	}
}

func TestSplitFile(t *testing.T) {
	f := folderOf(10, 10)
	f.Items[0].Path = `a/<ü> & "x".png`
	f.Unreadable = []Problem{{"a/x.txt", "not an image"}}
	f.Notes = []string{"a note"}
	s := mustSplit(t, f, DefaultFractions, math.MaxUint64)
	path := filepath.Join(t.TempDir(), "split.json")
	if err := s.Write(path); err != nil {
		t.Fatal(err)
	}
	got, err := ReadSplit(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, got); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), `<ü> & `) {
		t.Error("names are not as they are in the file")
	}
	for name, test := range map[string]struct{ old, new, want string }{
		"moved":   {`"class": 0`, `"class": 1`, "was edited"},
		"renamed": {"a note", "another note", "was edited"},
		"unknown": {`"seed"`, `"color": 3, "seed"`, `unknown key "color"`},
		"cut":     {string(data[len(data)/2:]), "", "is not valid: it ends in the middle of its JSON"},
		"more":    {string(data[len(data)-5:]), string(data[len(data)-5:]) + "{}", "something follows its end"},
		"hash":    {`"hash": "`, `"hash": "0`, "was edited"},
	} {
		edited := strings.Replace(string(data), test.old, test.new, 1)
		if edited == string(data) {
			t.Fatalf("%s: nothing to edit", name)
		}
		if err := os.WriteFile(path, []byte(edited), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadSplit(path); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v does not say %q", name, err, test.want)
		}
	}
	s.Train[0].Class = 7
	s.Hash, _ = s.computeHash()
	if err := s.Write(path); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadSplit(path); err == nil || !strings.Contains(err.Error(), "class 7") {
		t.Errorf("a class that is none: %v", err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("%d files are left in the folder, want 1", len(entries))
	}
	if err := s.Write(filepath.Join(path, "x")); err == nil {
		t.Error("writing below a file is no error")
	}
}

// Item by item the same bytes are written as by encoding/json at once.
func TestSplitJSON(t *testing.T) {
	distance := 3
	full := mustSplit(t, folderOf(10, 10), DefaultFractions, 1)
	full.Train[0].Path, full.Train[1].Weight = "a/<\u2028&\xff>.png", 0.5
	full.Unreadable, full.Notes = []Problem{{"a/x.txt", "not an image"}}, []string{"<a>", "b"}
	full.Grouping = &Grouping{"near_duplicates", &distance, [][]string{{"a", "b"}}}
	full.Source, full.Fold = &Source{Given: []string{"train"}}, &Fold{1, 5}
	for name, s := range map[string]*Split{"zero": {}, "full": full} {
		for _, indent := range []bool{false, true} {
			var got, want bytes.Buffer
			if err := s.writeJSON(&got, indent); err != nil {
				t.Fatal(err)
			}
			encoder := json.NewEncoder(&want)
			encoder.SetEscapeHTML(!indent)
			if indent {
				encoder.SetIndent("", " ")
			}
			if err := encoder.Encode(s); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.TrimSpace(want.String()), strings.TrimSpace(got.String())); diff != "" {
				t.Errorf("%s, indent %t (-at once +item by item):\n%s", name, indent, diff)
			}
		}
	}
}

func TestSplitPart(t *testing.T) {
	s := mustSplit(t, folderOf(20, 20), DefaultFractions, 1)
	for name, want := range map[string]int{"train": 28, "validation": 6, "test": 6, "all": 40} {
		if items, err := s.Part(name); err != nil || len(items) != want {
			t.Errorf("%s: %d items, %v; want %d", name, len(items), err, want)
		}
		if !slices.Contains(PartNames, name) {
			t.Errorf("%q is not one of PartNames", name)
		}
	}
	if _, err := s.Part("val"); err == nil || err.Error() != `no part "val"; have train, validation, test, all` {
		t.Errorf("got %v", err)
	}
}
