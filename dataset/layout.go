package dataset

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// partFolders are names of a data set's parts. If two of them are next to each other, they are not
// names of classes. The error suggests the first one that exists.
var partFolders = []string{
	"train", "training", "images", "test", "testing", "val", "valid", "validation", "dev", "eval", "holdout", "masks", "labels", "annotations",
}

// checkLayout returns an error if the class folders are the parts of a data set: two or more have
// the name of a part and contain the folders of the classes. It adds a note if all class folders
// contain the same folders, because these may be parts with other names.
func (f *Folder) checkLayout(candidates []Item) error {
	within := make([][]string, len(f.Classes)) // sub-folders of a class, each once
	loose := make([]int, len(f.Classes))       // number of files outside of sub-folders
	for _, item := range candidates {
		names := strings.Split(item.Path, "/")
		if len(names) < 3 {
			loose[item.Class]++
		} else if !slices.Contains(within[item.Class], names[1]) {
			within[item.Class] = append(within[item.Class], names[1])
		}
	}
	// There may be a README or a table next to the folders.
	folders := func(class int) bool { return len(within[class]) > 1 && loose[class] < len(within[class]) }
	part, parts := -1, []string{} // part is the class whose folder the error suggests
	rank := func(class int) int { return slices.Index(partFolders, strings.ToLower(f.Classes[class])) }
	same := len(f.Classes) > 1
	for class, name := range f.Classes {
		same = same && folders(class) && slices.Equal(within[class], within[0])
		if rank(class) < 0 {
			continue
		}
		parts = append(parts, name)
		if folders(class) && (part < 0 || rank(class) < rank(part)) {
			part = class
		}
	}
	if part >= 0 && len(parts) > 1 {
		return fmt.Errorf("%q holds %s: parts of a data set, not classes, which are folders within them (%s): name %q instead",
			f.Root, strings.Join(parts, ", "), few(within[part]), filepath.Join(f.Root, f.dirs[part]))
	}
	if same {
		f.Notes = append(f.Notes, fmt.Sprintf("the classes are %s, each with the same folders within it (%s): if those are the classes, name %q or the like instead",
			few(f.Classes), few(within[0]), filepath.Join(f.Root, f.dirs[0])))
	}
	return nil
}

// few lists at most three names.
func few(names []string) string {
	if len(names) > 4 {
		return strings.Join(names[:3], ", ") + ", ..."
	}
	return strings.Join(names, ", ")
}
