package dataset

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"oscar/internal/paths"
	"oscar/internal/text"
)

// A Source describes the origin of a split that is not only divided by fractions.
type Source struct {
	// Folders are the folders of the parts, relative to the root.
	Folders map[string]string `json:"folders,omitempty"`
	// Table is the table of the images; nil: there is none.
	Table *TableSource `json:"table,omitempty"`
	// Given are the parts that the data set has. The missing ones were split off from train.
	Given []string `json:"given,omitempty"`
}

// partWords are the names of train, validation and test, in lower case.
var partWords = [3][]string{{"train", "training"}, {"validation", "val", "valid", "dev"}, {"test", "testing", "holdout"}}

// partOf returns the part with that name, or -1.
func partOf(word string) int {
	return slices.IndexFunc(partWords[:], func(words []string) bool { return slices.Contains(words, strings.ToLower(strings.TrimSpace(word))) })
}

// findParts returns the folders of the parts, if f's class folders are parts of a data set: each has
// the name of a part, one is train, and it has class folders and few other files. Otherwise it
// returns empty names.
func (f *Folder) findParts() (dirs [3]string, err error) {
	if len(f.Classes) < 2 {
		return dirs, nil
	}
	for i, name := range f.Classes {
		part := partOf(name)
		if part < 0 {
			return [3]string{}, nil
		}
		if dirs[part] != "" {
			err = fmt.Errorf("%q has two folders for %s, %s and %s: name the right one with --%s", f.Root, PartNames[part], dirs[part], f.dirs[i], PartNames[part])
		}
		dirs[part] = f.dirs[i]
	}
	if dirs[0] == "" {
		return [3]string{}, nil
	}
	folders, files, readErr := countEntries(filepath.Join(f.Root, dirs[0]))
	if readErr != nil || folders < 2 || files >= folders {
		return [3]string{}, nil
	}
	return dirs, err
}

// countEntries counts the folders and files in a folder that are not hidden.
func countEntries(dir string) (folders, files int, err error) {
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		switch path := filepath.Join(dir, entry.Name()); {
		case hidden(entry.Name()):
		case !isFolder(path, entry):
			files++
		case !skipped(path, entry):
			folders++
		}
	}
	return folders, files, err
}

// A listing has what is known about the images before they are read.
type listing struct {
	items  []Item
	parts  []int8   // of the items; nil: no parts are given
	groups []string // of the items; "" is none; nil: there are no groups
}

// listParts lists the images of the part folders, which are relative to root. A missing part is "".
func listParts(ctx context.Context, root string, dirs [3]string, oneClass bool) (*Folder, listing, error) {
	var list listing
	train, err := listClasses(filepath.Join(root, dirs[0]), oneClass)
	if err != nil {
		return nil, list, err
	}
	f := &Folder{Root: root, Classes: train.Classes, Source: &Source{Folders: map[string]string{}}}
	for part, dir := range dirs {
		if dir == "" {
			continue
		}
		top := filepath.Join(root, dir)
		within := train
		if part > 0 {
			folders, files, err := countEntries(top)
			if err == nil && folders == 0 && files > 0 {
				f.Notes = append(f.Notes, fmt.Sprintf("%q has %s and no class folders: without labels it is not used", filepath.ToSlash(dir), text.Count(files, "file")))
				continue
			}
			if within, err = listClasses(top, true); err != nil {
				return nil, list, err
			}
		}
		f.Source.Folders[PartNames[part]] = filepath.ToSlash(dir)
		f.Source.Given = append(f.Source.Given, PartNames[part])
		for _, note := range within.Notes {
			f.Notes = append(f.Notes, filepath.ToSlash(dir)+": "+note)
		}
		for i, name := range within.Classes {
			class := slices.Index(f.Classes, name)
			if class < 0 {
				return nil, list, fmt.Errorf("class %q of %q is not in %q, which has %s", name, top, filepath.Join(root, dirs[0]), few(f.Classes))
			}
			files, passed, err := listFiles(ctx, filepath.Join(top, within.dirs[i]))
			if err != nil {
				return nil, list, err
			}
			for _, path := range passed {
				f.passedOver(path)
			}
			for _, file := range files {
				path, err := filepath.Rel(root, file)
				if err != nil {
					return nil, list, err
				}
				list.items = append(list.items, Item{Path: filepath.ToSlash(path), Class: class})
				list.parts = append(list.parts, int8(part))
			}
		}
	}
	return f, list, nil
}

// commonRoot returns the deepest common parent of the part folders, and their paths relative to it.
func commonRoot(dirs [3]string) (root string, below [3]string, err error) {
	if dirs[0] == "" {
		return "", below, errors.New("the folder of train is missing: name it with --train")
	}
	for part, dir := range dirs {
		if dir == "" {
			continue
		}
		if dirs[part], err = filepath.Abs(dir); err != nil {
			return "", below, err
		}
		info, err := os.Stat(dir)
		if err != nil {
			return "", below, fmt.Errorf("cannot read image folder %q: %w", dir, paths.TrimError(err))
		}
		if !info.IsDir() {
			return "", below, fmt.Errorf("%q is a file: expected a folder with one sub-folder per class", dir)
		}
		for _, other := range dirs[:part] {
			if other != "" && (paths.Within(other, dirs[part]) || paths.Within(dirs[part], other)) {
				return "", below, fmt.Errorf("the folders of the parts contain each other: %q and %q", other, dirs[part])
			}
		}
	}
	root = filepath.Dir(dirs[0])
	for _, dir := range dirs {
		for dir != "" && !paths.Within(root, dir) {
			root = filepath.Dir(root)
		}
	}
	for part, dir := range dirs {
		if dir == "" {
			continue
		}
		if below[part], err = filepath.Rel(root, dir); err != nil {
			return "", below, err
		}
		if norm.NFC.String(below[part]) == "." {
			return "", below, fmt.Errorf("the folders of the parts contain each other: %q", dir)
		}
	}
	return root, below, nil
}

// checkGivenGroups returns an error if the images of a group are in several given
// parts.
func (f *Folder) checkGivenGroups() error {
	if f.parts == nil || f.Grouping == nil {
		return nil
	}
	of := make(map[string]int8, len(f.Items))
	for i, item := range f.Items {
		of[item.Path] = f.parts[i]
	}
	for _, paths := range f.Grouping.Groups {
		for _, path := range paths[1:] {
			if a, b := of[paths[0]], of[path]; a != b {
				return fmt.Errorf("%q and %q are of one group, and the data set has them in %s and %s: correct its parts, or leave groups out",
					paths[0], path, PartNames[a], PartNames[b])
			}
		}
	}
	return nil
}

// lackingFractions returns the fractions for dividing the images of the given train part. Given
// parts have 0.
func (f *Folder) lackingFractions(fractions [3]float64) [3]float64 {
	for part := 1; part < 3; part++ {
		if slices.Contains(f.Source.Given, PartNames[part]) {
			fractions[part] = 0
		}
	}
	sum := fractions[0] + fractions[1] + fractions[2]
	for part := range fractions {
		fractions[part] /= sum
	}
	return fractions
}

// checkTrain returns an error if the given train part lacks a class.
func (f *Folder) checkTrain() error {
	if f.parts == nil {
		return nil
	}
	learned := make([]bool, len(f.Classes))
	for i, item := range f.Items {
		for _, class := range f.classesOf(item) {
			learned[class] = learned[class] || f.parts[i] == 0
		}
	}
	if class := slices.Index(learned, false); class >= 0 {
		return fmt.Errorf("class %q has no image in the train part that the data set has", f.Classes[class])
	}
	return nil
}

// toDivide returns the folder of the images to divide: the train part if parts are given, else all.
func (f *Folder) toDivide() *Folder {
	if f.parts == nil {
		return f
	}
	train := &Folder{Root: f.Root, Classes: f.Classes, MultiLabel: f.MultiLabel, Grouping: f.Grouping}
	for i, item := range f.Items {
		if f.parts[i] == 0 {
			train.Items = append(train.Items, item)
		}
	}
	return train
}

// noteParts notes the classes that a given part lacks.
func (f *Folder) noteParts() {
	if f.parts == nil {
		return
	}
	images := make([][3]int, len(f.Classes))
	for i, item := range f.Items {
		for _, class := range f.classesOf(item) {
			images[class][f.parts[i]]++
		}
	}
	for part, name := range PartNames[:3] {
		if !slices.Contains(f.Source.Given, name) {
			continue
		}
		var absent []string
		for class, n := range images {
			if n[part] == 0 {
				absent = append(absent, f.Classes[class])
			}
		}
		if len(absent) > 0 {
			f.Notes = append(f.Notes, fmt.Sprintf("the given %s part has no image of %s", name, few(absent)))
		}
	}
	lacking := slices.DeleteFunc(slices.Clone(PartNames[:3]), func(name string) bool { return slices.Contains(f.Source.Given, name) })
	note := "the parts are as the data set has them: " + strings.Join(f.Source.Given, ", ")
	if len(lacking) > 0 {
		note += "; split off from train: " + strings.Join(lacking, ", ")
	}
	f.Notes = append(f.Notes, note)
}

// partsOf returns the given part of each item.
func (f *Folder) partsOf(items []Item) (parts []int8) {
	if f.parts == nil {
		return nil
	}
	for _, item := range items {
		i, _ := slices.BinarySearchFunc(f.Items, item.Path, func(a Item, path string) int { return cmp.Compare(a.Path, path) })
		if part := f.parts[i]; !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	return parts
}
