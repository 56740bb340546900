package dataset

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"oscar/internal/testkit"
)

// grouped puts the images of each class into groups of the given sizes, in turn.
func grouped(f *Folder, sizes ...int) *Folder {
	f.Grouping = &Grouping{By: "test"}
	byClass := make([][]string, len(f.Classes))
	for _, item := range f.Items {
		byClass[item.Class] = append(byClass[item.Class], item.Path)
	}
	for _, paths := range byClass {
		for i := 0; len(paths) > 0; i++ {
			n := min(sizes[i%len(sizes)], len(paths))
			f.Grouping.Groups = append(f.Grouping.Groups, paths[:n])
			paths = paths[n:]
		}
	}
	return f
}

// partsOf is the part of each path.
func partsOf(s *Split) map[string]int {
	parts := map[string]int{}
	for part, items := range [][]Item{s.Train, s.Validation, s.Test} {
		for _, item := range items {
			parts[item.Path] = part
		}
	}
	return parts
}

// No group straddles parts, every image is in one, and each class has nearly its
// shares, for any seed.
func TestGroupedSplit(t *testing.T) {
	for _, sizes := range [][]int{{1}, {2}, {3, 1}, {7, 2, 1, 1}, {1, 25}} {
		for seed := range uint64(20) {
			f := grouped(folderOf(100, 60, 141), sizes...)
			s := mustSplit(t, f, DefaultFractions, seed)
			parts := partsOf(s)
			if len(parts) != len(f.Items) {
				t.Fatalf("%d of %d images", len(parts), len(f.Items))
			}
			for _, group := range f.Grouping.Groups {
				for _, path := range group {
					if parts[path] != parts[group[0]] {
						t.Errorf("sizes %v, seed %d: %s and %s are in different parts", sizes, seed, path, group[0])
					}
				}
			}
			counts := make([][3]int, len(f.Classes))
			for _, item := range f.Items {
				counts[item.Class][parts[item.Path]]++
			}
			for class, got := range counts {
				want, err := partCounts(got[0]+got[1]+got[2], [3]int{}, DefaultFractions)
				if err != nil {
					t.Fatal(err)
				}
				for p := range want {
					if d := got[p] - want[p]; max(d, -d) > slices.Max(sizes) {
						t.Errorf("sizes %v, seed %d: class %d has %v, want about %v", sizes, seed, class, got, want)
					}
				}
				noted := slices.ContainsFunc(s.Notes, func(note string) bool {
					return strings.Contains(note, fmt.Sprintf("of class %q %d, %d and %d different images", f.Classes[class], got[0], got[1], got[2]))
				})
				if noted != (got != want) {
					t.Errorf("sizes %v, seed %d: class %d has %v, want %v, notes %q", sizes, seed, class, got, want, s.Notes)
				}
			}
		}
	}
}

// Names and order do not matter, the seed does; groups of one change nothing.
func TestGroupedSplitIsOfContentAndSeed(t *testing.T) {
	f := grouped(folderOf(90, 90), 3, 1, 2)
	first := assignment(mustSplit(t, f, DefaultFractions, 1))
	renamed := grouped(folderOf(90, 90), 3, 1, 2)
	names := map[string]string{}
	for i := range renamed.Items {
		item := &renamed.Items[i]
		names[item.Path] = fmt.Sprintf("%s/%03d.png", renamed.Classes[item.Class], 999-i)
		item.Path = names[item.Path]
	}
	for _, group := range renamed.Grouping.Groups {
		for i := range group {
			group[i] = names[group[i]]
		}
	}
	slices.Reverse(renamed.Items)
	slices.Reverse(renamed.Grouping.Groups)
	if diff := cmp.Diff(first, assignment(mustSplit(t, renamed, DefaultFractions, 1))); diff != "" {
		t.Errorf("renamed (-first +got):\n%s", diff)
	}
	if cmp.Equal(first, assignment(mustSplit(t, f, DefaultFractions, 2))) {
		t.Error("another seed gives the same split")
	}
	plain := assignment(mustSplit(t, folderOf(90, 90), DefaultFractions, 1))
	if diff := cmp.Diff(plain, assignment(mustSplit(t, grouped(folderOf(90, 90), 1), DefaultFractions, 1))); diff != "" {
		t.Errorf("groups of one (-none +got):\n%s", diff)
	}
}

// Groups of several classes, as all photographs of a day, stay together too.
func TestGroupsOfSeveralClasses(t *testing.T) {
	f := folderOf(40, 40, 40)
	g := &Grouping{By: "day"}
	for day := range 10 {
		var paths []string
		for _, item := range f.Items {
			if strings.HasSuffix(item.Path, fmt.Sprintf("%d.png", day)) {
				paths = append(paths, item.Path)
			}
		}
		g.Groups = append(g.Groups, paths)
	}
	f.Grouping = g
	for seed := range uint64(10) {
		s := mustSplit(t, f, DefaultFractions, seed)
		parts := partsOf(s)
		days := [3]int{}
		for _, paths := range g.Groups {
			days[parts[paths[0]]]++
			for _, path := range paths {
				if parts[path] != parts[paths[0]] {
					t.Errorf("seed %d: %s and %s are in different parts", seed, path, paths[0])
				}
			}
		}
		if days[0] < 6 || days[1] < 1 || days[2] < 1 {
			t.Errorf("seed %d: %v days in the parts", seed, days)
		}
	}
}

// A group with a label conflict trains; a class of too few groups is refused.
func TestGroupsThatDoNotFit(t *testing.T) {
	f := grouped(folderOf(30, 30), 3)
	f.Items = append(f.Items, Item{Path: "b/same.png", Class: 1, SHA256: f.Items[0].SHA256})
	parts := partsOf(mustSplit(t, f, DefaultFractions, 1))
	for _, path := range append(f.Grouping.Groups[0], "b/same.png") {
		if parts[path] != 0 {
			t.Errorf("%s is in part %d", path, parts[path])
		}
	}
	_, err := NewSplit(grouped(folderOf(30, 30), 15), DefaultFractions, 1)
	testkit.WantError(t, err, `class "a" falls into too few groups for the split [0.7 0.15 0.15]: 2, at least 3 are needed; images are grouped by test`)
	alike := grouped(folderOf(30, 30), 15)
	alike.Grouping.By = GroupByNearDuplicates
	_, err = NewSplit(alike, DefaultFractions, 1)
	testkit.WantError(t, err, `class "a" falls into too few groups for the split [0.7 0.15 0.15]: 2, at least 3 are needed; images that look alike are one group`)
	for seed := range uint64(10) {
		counts := [3]int{}
		for _, part := range partsOf(mustSplit(t, grouped(folderOf(30, 30), 10), DefaultFractions, seed)) {
			counts[part]++
		}
		if counts != [3]int{20, 20, 20} {
			t.Errorf("three groups a class are divided into %v", counts)
		}
	}
}

func TestGroupRules(t *testing.T) {
	dir := t.TempDir()
	table := func(name, text string) string {
		path := filepath.Join(dir, name)
		testkit.Write(t, path, text)
		return path
	}
	folder := func() *Folder {
		f := folderOf(4, 3)
		f.Items[6].SHA256 = f.Items[5].SHA256 // b/001 and b/002
		return f
	}
	pairs := [][]string{{"a/000.png", "a/001.png"}, {"a/003.png", "b/000.png"}, {"b/001.png", "b/002.png"}}
	for by, want := range map[string][][]string{
		"/00[01]|nothing":   {{"a/000.png", "b/000.png"}, {"a/001.png", "b/001.png", "b/002.png"}},
		"^(.)/.*(.)[.]png$": {{"b/001.png", "b/002.png"}},
		"^(a|b)":            {{"a/000.png", "a/001.png", "a/002.png", "a/003.png"}, {"b/000.png", "b/001.png", "b/002.png"}},
		table("comma.csv", "path,group\na/000.png,x\na/001.png,x\na/002.png,\na/003.png,y\nb/000.png,y\nb/001.png,\n"):                   pairs,
		table("windows.CSV", "\ufeffGroup;class;Path\r\n\"x\";1;a/000.png\r\nx;1;./a/001.png\r\ny;1;a/003.png\r\ny;2;\"b/000.png\"\r\n"): pairs,
		table("tab.csv", "group\tpath\n1\ta/000.png\n1\ta/001.png\n2\ta/003.png\n2\tb/000.png"):                                          pairs,
	} {
		f := folder()
		if err := f.Group(t.Context(), by, 0, ScanOptions{}); err != nil {
			t.Errorf("%s: %v", by, err)
			continue
		}
		if diff := cmp.Diff(want, f.Grouping.Groups); diff != "" || f.Grouping.By != by {
			t.Errorf("%s (-want +got):\n%s", by, diff)
		}
	}
	for by, want := range map[string]string{
		"(":                                     `groups "(" is neither near_duplicates nor a file FILE.csv nor a regular expression: error parsing regexp: missing closing ): ` + "`(`",
		"nothing":                               `groups: the regular expression "nothing" matches no path, for example "a/000.png"`,
		dir + "/missing.csv":                    `cannot read groups "` + dir + `/missing.csv": no such file or directory`,
		table("empty.csv", ""):                  `groups "` + dir + `/empty.csv": the file is empty; want the columns path and group`,
		table("names.csv", "file,set\r\nx,y\n"): `groups "` + dir + `/names.csv": the first line is "file,set"; want the columns path and group`,
		table("short.csv", "path,group\na/000.png\n"):    `groups "` + dir + `/short.csv": record on line 2: wrong number of fields`,
		table("other.csv", "path,group\nc.png,1\n"):      `groups "` + dir + `/other.csv": none of its paths is an image of ""; they are like "a/000.png"`,
		table("twice.csv", "path,group\nx,1\n\n./x,2\n"): `groups "` + dir + `/twice.csv": "x" is in group "1" in line 2 and in group "2" in line 4`,
	} {
		testkit.WantError(t, folder().Group(t.Context(), by, 0, ScanOptions{}), want)
	}
	f := folder()
	by := table("notes.csv", "path,group\na/000.png,x\nd.png,x\n")
	if err := f.Group(t.Context(), by, 0, ScanOptions{}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`groups: notes.csv has 1 path without an image in use, the first is "d.png" in line 3`,
		"groups: notes.csv does not list 6 images: each is a group by itself",
		"groups: 2 images in 1 group, each kept in one part; split.json lists them",
	}
	if diff := cmp.Diff(want, f.Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

// Near duplicates are grouped, those of two classes are noted, and split.json
// keeps the groups.
func TestGroupNearDuplicates(t *testing.T) {
	f := nearDuplicateFolder(t)
	if err := f.Group(t.Context(), GroupByNearDuplicates, 8, ScanOptions{}); err != nil {
		t.Fatal(err)
	}
	distance := 8
	want := &Grouping{By: "near_duplicates", Distance: &distance, Groups: [][]string{
		{"a/0-dark.png", "a/0-poor.jpg", "a/0.png"}, {"a/1.png", "b/1-small.png"},
	}}
	s := mustSplit(t, f, [3]float64{0.5, 0, 0.5}, 1)
	path := filepath.Join(t.TempDir(), "split.json")
	if err := s.Write(path); err != nil {
		t.Fatal(err)
	}
	again, err := ReadSplit(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, again.Grouping); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !slices.Contains(again.Notes, "near duplicates in more than one class: a/1.png, b/1-small.png") {
		t.Errorf("notes %q", again.Notes)
	}
}
