package dataset

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// foldCounts counts the images of each class in each fold. Every image has to be in one
// fold, and in each other split in one part that is learned from.
func foldCounts(t *testing.T, f *Folder, splits []*Split) [][]int {
	t.Helper()
	counts := make([][]int, len(f.Classes))
	for class := range counts {
		counts[class] = make([]int, len(splits))
	}
	tested := map[string]int{}
	for k, s := range splits {
		if *s.Fold != (Fold{k + 1, len(splits)}) {
			t.Errorf("fold %d is %+v", k+1, *s.Fold)
		}
		if hash, err := s.computeHash(); err != nil || hash != s.Hash {
			t.Errorf("fold %d: hash %s, %v; want %s", k+1, s.Hash, err, hash)
		}
		for _, item := range s.Test {
			counts[item.Class][k]++
			tested[item.Path]++
		}
		all := slices.Concat(s.Train, s.Validation, s.Test)
		slices.SortFunc(all, func(a, b Item) int { return strings.Compare(a.Path, b.Path) })
		if diff := cmp.Diff(f.Items, all); diff != "" {
			t.Errorf("fold %d does not have each image once: %s", k+1, diff)
		}
	}
	for _, item := range f.Items {
		if tested[item.Path] != 1 {
			t.Errorf("%s is tested in %d folds", item.Path, tested[item.Path])
		}
	}
	return counts
}

// Classes are spread evenly, and so is what is left over of them.
func TestFolds(t *testing.T) {
	f := folderOf(11, 12, 13, 21)
	splits, err := NewFolds(f, 5, DefaultFractions, 3)
	if err != nil {
		t.Fatal(err)
	}
	counts := foldCounts(t, f, splits)
	for class, of := range counts {
		if slices.Max(of)-slices.Min(of) > 1 {
			t.Errorf("class %d has %v images in the folds", class, of)
		}
	}
	for k, s := range splits {
		if n := len(s.Test); n != 11 && n != 12 { // 57 images
			t.Errorf("fold %d has %d images", k+1, n)
		}
		// The other 45 or so by 70 to 15.
		if n := len(s.Validation); n < 7 || n > 9 {
			t.Errorf("fold %d has %d images to validate with", k+1, n)
		}
	}
	again, err := NewFolds(f, 5, DefaultFractions, 3)
	if err != nil || again[2].Hash != splits[2].Hash {
		t.Errorf("the same folds again have another hash, %v", err)
	}
	other, err := NewFolds(f, 5, DefaultFractions, 4)
	if err != nil || cmp.Equal(other[2].Test, splits[2].Test) {
		t.Errorf("another seed gives the same folds, %v", err)
	}
	renamed := folderOf(11, 12, 13, 21)
	for i := range renamed.Items {
		renamed.Items[i].Path = "x/" + renamed.Items[i].Path
	}
	same, err := NewFolds(renamed, 5, DefaultFractions, 3)
	if err != nil || same[0].Test[0].SHA256 != splits[0].Test[0].SHA256 {
		t.Errorf("the folds depend on names, %v", err)
	}
}

// Groups stay together, also those of several classes, and classes are still spread.
func TestFoldsOfGroups(t *testing.T) {
	f := folderOf(30, 30)
	g := &Grouping{By: "test", Groups: [][]string{}}
	for i := 0; i < 30; i += 3 { // ten groups of three images of a class
		g.Groups = append(g.Groups, []string{f.Items[i].Path, f.Items[i+1].Path, f.Items[i+2].Path})
	}
	g.Groups = append(g.Groups, []string{f.Items[30].Path, f.Items[0].Path}, []string{f.Items[40].Path, f.Items[41].Path})
	f.Grouping = g
	splits, err := NewFolds(f, 5, DefaultFractions, 1)
	if err != nil {
		t.Fatal(err)
	}
	counts := foldCounts(t, f, splits)
	if !slices.Equal(counts[0], []int{6, 6, 6, 6, 6}) || slices.Max(counts[1])-slices.Min(counts[1]) > 1 {
		t.Errorf("images in the folds: %v", counts)
	}
	for k, s := range splits {
		part := partsOf(s)
		for _, group := range g.Groups {
			for _, path := range group {
				if part[path] != part[group[0]] {
					t.Errorf("fold %d: %s is in part %d, %s in part %d", k+1, path, part[path], group[0], part[group[0]])
				}
			}
		}
	}
}

// Images with the same content and different classes are in one fold. A note lists them.
func TestFoldsOfConflicts(t *testing.T) {
	f := folderOf(10, 10)
	f.Items[15].SHA256 = f.Items[3].SHA256
	splits, err := NewFolds(f, 3, DefaultFractions, 1)
	if err != nil {
		t.Fatal(err)
	}
	foldCounts(t, f, splits)
	for _, s := range splits {
		part := partsOf(s)
		if part[f.Items[15].Path] != part[f.Items[3].Path] {
			t.Error("one content is in two parts")
		}
		if want := "1 image in several classes at once: whatever is predicted, one of the labels is counted as wrong"; !slices.Contains(s.Notes, want) {
			t.Errorf("notes %q, want %q", s.Notes, want)
		}
	}
}

func TestFoldsRefusals(t *testing.T) {
	given := folderOf(10, 10)
	given.parts, given.Source, given.Root = make([]int8, 20), &Source{Given: []string{"train", "test"}}, "pets"
	for _, test := range []struct {
		folder *Folder
		n      int
		want   string
	}{
		{folderOf(10, 10), 1, "the number of folds is 1, want at least 2"},
		{folderOf(10, 1), 5, `without the images of fold 1: class "b" has too few different images for the split [0.8235294117647058 0.17647058823529413 0]: 0, at least 2 are needed; add images`},
		{folderOf(3, 3), 7, "6 different images for 7 folds, want at least 7"},
		{grouped(folderOf(60, 60), 20), 8, "6 groups for 8 folds, want at least 8; an image without a group is one, too"},
		{given, 5, `"pets" has the parts train, test: folds are made of one set of images; name the folder of one part`},
	} {
		_, err := NewFolds(test.folder, test.n, DefaultFractions, 1)
		if err == nil || err.Error() != test.want {
			t.Errorf("%d folds: %v\nwant %s", test.n, err, test.want)
		}
	}
	s, err := NewFolds(folderOf(10, 3), 5, DefaultFractions, 1)
	if err != nil || !slices.ContainsFunc(s[0].Notes, func(n string) bool {
		return strings.HasPrefix(n, `class "b" has no image in fold `) && strings.HasSuffix(n, ": it has 3 different images")
	}) {
		t.Errorf("a class with fewer images than folds: %v, %q", err, s[0].Notes)
	}
}
