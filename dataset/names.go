package dataset

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// sortClasses sorts the classes by name. Two folders whose names differ only in Unicode
// normalization are an error.
func (f *Folder) sortClasses() error {
	order := make([]int, len(f.Classes))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(f.Classes[a], f.Classes[b]) })
	classes, dirs := make([]string, len(order)), make([]string, len(order))
	for i, from := range order {
		classes[i], dirs[i] = f.Classes[from], f.dirs[from]
		if i > 0 && classes[i] == classes[i-1] {
			return fmt.Errorf("two class folders in %q are called %q, one with its accents written apart (%+q, %+q): rename one, or put their images together",
				f.Root, classes[i], dirs[i-1], dirs[i])
		}
	}
	f.Classes, f.dirs = classes, dirs
	return nil
}

// likeness returns a key that similar names share: the name's letters and digits in lower case and
// one width, without spaces and punctuation.
func likeness(name string) string {
	folded := cases.Fold().String(norm.NFKC.String(name))
	letters := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) {
			return r
		}
		return -1
	}, folded)
	return cmp.Or(letters, folded)
}

// noteLookalikes notes classes that may be the same.
func (f *Folder) noteLookalikes() {
	alike := map[string][]string{}
	for _, name := range f.Classes {
		alike[likeness(name)] = append(alike[likeness(name)], fmt.Sprintf("%q", name))
	}
	for _, name := range f.Classes { // in order, so that a group is noted at its first name
		if names := alike[likeness(name)]; len(names) > 1 && names[0] == fmt.Sprintf("%q", name) {
			f.Notes = append(f.Notes, fmt.Sprintf("the classes %s look alike: are they one?", strings.Join(names, " and ")))
		}
	}
}

// noteSubfolders notes the folders within class folders and their numbers of images. These images
// belong to the class.
func (f *Folder) noteSubfolders() {
	within := make([]map[string]int, len(f.Classes))
	images := make([]int, len(f.Classes))
	for _, item := range f.Items {
		images[item.Class]++
		parts := strings.Split(item.Path, "/")
		if len(parts) < 3 {
			continue
		}
		if within[item.Class] == nil {
			within[item.Class] = map[string]int{}
		}
		within[item.Class][parts[1]]++
	}
	for class, folders := range within {
		if len(folders) == 0 {
			continue
		}
		names, total := []string{}, 0
		for name, n := range folders {
			names, total = append(names, fmt.Sprintf("%s: %d", name, n)), total+n
		}
		slices.Sort(names)
		f.Notes = append(f.Notes, fmt.Sprintf("class %q: %d of %d images lie in folders within it and count as its own (%s)",
			f.Classes[class], total, images[class], few(names)))
	}
}

// passedOver notes a skipped folder: one made by a program, or oscar's results.
func (f *Folder) passedOver(path string) {
	what := "is a folder that a machine made"
	if !machineMade(filepath.Base(path)) {
		what = "has results of oscar"
	}
	if relative, err := filepath.Rel(f.Root, path); err == nil {
		path = filepath.ToSlash(relative)
	}
	f.Notes = append(f.Notes, fmt.Sprintf("%q %s and is passed over", strings.ToValidUTF8(path, "\uFFFD"), what))
}
