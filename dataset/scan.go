package dataset

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"oscar/internal/paths"
)

// An Item is one labeled image file.
type Item struct {
	Path   string `json:"path"`   // relative to the root, slash-separated
	Class  int    `json:"class"`  // index into the sorted class names; -1 if unknown or multi-label
	SHA256 string `json:"sha256"` // of the file's content, in hex; "" if unknown
	// Weight is the weight of the image in the training loss, above 0; 0: 1.
	Weight float64 `json:"weight,omitempty"`
	// Labels are the indices of all classes of the image, sorted, if the images have several
	// labels.
	Labels []int `json:"labels,omitempty"`
}

// A Problem is an unused file and the reason.
type Problem struct {
	Path   string `json:"path"` // relative to the root, slash-separated
	Reason string `json:"reason"`
}

// ScanOptions are the options of Scan. The zero value is usable.
type ScanOptions struct {
	Limits Limits
	// Verify decodes every file in full. Without it only the header is read, and later damage
	// is found when the image is used.
	Verify bool
	// Parts are the folders of train, validation and test, each with one sub-folder per class. "":
	// none. If train is given, Scan does not read its root.
	Parts [3]string
	// Table has the settings for reading a table, if root is one.
	Table TableOptions
	// Unsplit means that the images are not divided into parts, as for evaluation. Then a single class
	// is allowed, and no note is about parts.
	Unsplit bool
	// Hashes is a folder that caches the hashes of large sets: a file with the same size and
	// time is not read again. "": no cache.
	Hashes string
	// Workers is the number of files read at a time; 0: one per processor.
	Workers int
	// Progress, if not nil, is called after each file, one call at a time.
	Progress func(done, total int)
}

// A Folder is what Scan found: one class per sub-folder.
type Folder struct {
	Root       string
	Classes    []string  // names of the sub-folders, in Unicode NFC, sorted
	Items      []Item    // sorted by path
	Unreadable []Problem // files that are not readable images, sorted by path
	Duplicates [][]Item  // groups of two or more items of the same content
	Notes      []string  // for the user, one line each
	Grouping   *Grouping // images that stay together; Group sets it
	Source     *Source   // nil: the class folders of Root
	MultiLabel bool      // an image may have any number of classes: see Item.Labels

	dirs  []string // of each class, as named by the file system; nil if Source is set
	parts []int8   // of the items; nil: none is given
	lost  []int    // the class of each Unreadable
	// groups are the items' groups from the column groupBy of a table; "": none.
	groups  []string
	groupBy string
}

// Scan lists the images below root. root is a folder with one sub-folder per class, a folder with
// the parts of a data set (train, validation, test, by any usual name), each with one sub-folder per
// class, or a table, see [TableOptions].
//
// Sub-folders of class folders are read and noted. Hidden names and system folders (@eaDir,
// __MACOSX, ...) are skipped. Links are followed. Files are hashed, and recognized as images by
// their content.
//
// Names of classes are converted to Unicode NFC. Names that look alike are noted.
//
// Files that are not readable images and unreadable folders are listed in Unreadable. It is an error
// if root cannot be read, if it has fewer than two class folders, if these are folders named images,
// masks or labels that contain the classes, or if a class has no readable image.
func Scan(ctx context.Context, root string, opts ScanOptions) (*Folder, error) {
	folder, list, err := list(ctx, root, opts)
	if err != nil {
		return nil, err
	}
	if err := folder.inspect(ctx, list, opts); err != nil {
		return nil, err
	}
	if err := folder.checkClasses(); err != nil {
		return nil, err
	}
	if folder.Source == nil {
		folder.noteSubfolders()
	}
	folder.noteLookalikes()
	folder.findDuplicates(opts.Unsplit)
	if !opts.Unsplit {
		folder.noteParts()
	}
	return folder, nil
}

// list returns the candidates: all files of the classes.
func list(ctx context.Context, root string, opts ScanOptions) (*Folder, listing, error) {
	var list listing
	dirs := opts.Parts
	if dirs != [3]string{} {
		root, below, err := commonRoot(dirs)
		if err != nil {
			return nil, list, err
		}
		return listParts(ctx, root, below, opts.Unsplit)
	}
	if info, err := os.Stat(root); err == nil && !info.IsDir() && IsTable(root) {
		folder, list, err := listTable(root, opts.Table)
		if err == nil && len(folder.Classes) < 2 && !opts.Unsplit {
			err = fmt.Errorf("table %s has one class only (%s): at least two classes are needed", root, folder.Classes[0])
		}
		return folder, list, err
	}
	if _, err := os.Stat(root); err != nil && IsTable(root) {
		return nil, list, fmt.Errorf("cannot read table %q: %w", root, paths.TrimError(err))
	}
	if err := opts.Table.checkUnused(root); err != nil {
		return nil, list, err
	}
	folder, err := listClasses(root, opts.Unsplit)
	if err != nil {
		return nil, list, err
	}
	if dirs, err = folder.findParts(); err != nil {
		return nil, list, err
	}
	if dirs != [3]string{} {
		parts, list, err := listParts(ctx, root, dirs, opts.Unsplit)
		if err == nil {
			parts.Notes = append(folder.Notes, parts.Notes...)
		}
		return parts, list, err
	}
	for class := range folder.Classes {
		files, passed, err := listFiles(ctx, filepath.Join(root, folder.dirs[class]))
		if err != nil {
			return nil, list, err
		}
		for _, path := range passed {
			folder.passedOver(path)
		}
		for _, file := range files {
			path, err := filepath.Rel(root, file)
			if err != nil {
				return nil, list, err
			}
			list.items = append(list.items, Item{Path: filepath.ToSlash(path), Class: class})
		}
	}
	return folder, list, folder.checkLayout(list.items)
}

// checkClasses returns an error if a class has no readable image.
func (f *Folder) checkClasses() error {
	images := make([]int, len(f.Classes))
	for _, item := range f.Items {
		for _, class := range f.classesOf(item) {
			images[class]++
		}
	}
	for class, name := range f.Classes {
		if images[class] > 0 {
			continue
		}
		where := f.Root
		if f.dirs != nil {
			where = filepath.Join(f.Root, f.dirs[class])
		}
		err := fmt.Errorf("class %q has no readable image in %q", name, where)
		if i := slices.Index(f.lost, class); i >= 0 {
			err = fmt.Errorf("%w, for one %s: %s", err, f.Unreadable[i].Path, f.Unreadable[i].Reason)
		}
		return err
	}
	return nil
}

// Classes returns the names of the class folders below root, as [Scan] does.
func Classes(root string) ([]string, error) {
	folder, err := listClasses(root, true)
	if err != nil {
		return nil, err
	}
	return folder.Classes, nil
}

// List lists the images below root as [Scan] does, but without classes: the class is -1.
func List(ctx context.Context, root string, opts ScanOptions) (*Folder, error) {
	if err := checkRoot(root); err != nil {
		return nil, err
	}
	files, passed, err := listFiles(ctx, root)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no files in %q", root)
	}
	folder := &Folder{Root: root}
	for _, path := range passed {
		folder.passedOver(path)
	}
	var candidates []Item
	for _, file := range files {
		path, err := filepath.Rel(root, file)
		if err != nil {
			return nil, err
		}
		candidates = append(candidates, Item{Path: filepath.ToSlash(path), Class: -1})
	}
	return folder, folder.inspect(ctx, listing{items: candidates}, opts)
}

// checkRoot returns an error if root is not a folder.
func checkRoot(root string) error {
	info, err := os.Stat(root)
	if err != nil {
		return fmt.Errorf("cannot read image folder %q: %w", root, paths.TrimError(err))
	}
	if !info.IsDir() {
		return fmt.Errorf("%q is a file: expected a folder with one sub-folder per class, or a table (%s)", root, strings.Join(tableKinds, ", "))
	}
	return nil
}

// listClasses reads the sub-folders of root. It returns an error for fewer than two, unless oneClass
// is true.
func listClasses(root string, oneClass bool) (*Folder, error) {
	if err := checkRoot(root); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, fmt.Errorf("cannot read image folder %q: %w", root, paths.TrimError(err))
	}
	folder := &Folder{Root: root}
	var loose []string
	for _, entry := range entries {
		name := entry.Name()
		switch {
		case hidden(name):
		case skipped(filepath.Join(root, name), entry):
			folder.passedOver(filepath.Join(root, name))
		case !isFolder(filepath.Join(root, name), entry):
			loose = append(loose, name)
		case !utf8.ValidString(name):
			return nil, fmt.Errorf("name of class folder %q in %q is not valid UTF-8", name, root)
		default:
			folder.Classes = append(folder.Classes, norm.NFC.String(name))
			folder.dirs = append(folder.dirs, name)
		}
	}
	if err := folder.sortClasses(); err != nil {
		return nil, err
	}
	switch {
	case len(folder.Classes) == 0:
		if len(loose) == 0 {
			return nil, fmt.Errorf("image folder %q is empty: one sub-folder per class is needed", root)
		}
		return nil, fmt.Errorf("%d files (%s, ...) lie directly in %q: one sub-folder per class is needed", len(loose), loose[0], root)
	case len(folder.Classes) == 1 && !oneClass:
		inner := filepath.Join(root, folder.dirs[0])
		if within, err := listClasses(inner, false); err == nil {
			return nil, fmt.Errorf("%q has one class folder only (%s), with folders within it (%s): if those are the classes, name %q instead",
				root, folder.Classes[0], few(within.Classes), inner)
		}
		return nil, fmt.Errorf("%q has one class folder only (%s): at least two classes are needed", root, folder.Classes[0])
	}
	for _, name := range loose {
		folder.Notes = append(folder.Notes, fmt.Sprintf("%q lies outside the class folders and is not used", name))
	}
	return folder, nil
}

// findDuplicates groups items by content and notes them, label conflicts first.
func (f *Folder) findDuplicates(unsplit bool) {
	order := make([]int32, len(f.Items))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(strings.Compare(f.Items[a].SHA256, f.Items[b].SHA256), cmp.Compare(a, b))
	})
	var groups [][]int32
	for begin := 0; begin < len(order); {
		end := begin + 1
		for end < len(order) && f.Items[order[end]].SHA256 == f.Items[order[begin]].SHA256 {
			end++
		}
		if end-begin > 1 {
			groups = append(groups, order[begin:end])
		}
		begin = end
	}
	slices.SortFunc(groups, func(a, b []int32) int { return cmp.Compare(a[0], b[0]) }) // by first path
	twin := "the same content, kept in the same part: "
	if unsplit {
		twin = "the same content: "
	}
	var conflicts, twins []string
	for _, members := range groups {
		group := make([]Item, len(members))
		for k, i := range members {
			group[k] = f.Items[i]
		}
		f.Duplicates = append(f.Duplicates, group)
		var paths []string
		for _, item := range group {
			paths = append(paths, item.Path)
		}
		switch list := strings.Join(paths, ", "); {
		case len(f.partsOf(group)) > 1:
			conflicts = append(conflicts, "the same content in more than one part, as the data set has it: "+list)
		case mixed(group):
			conflicts = append(conflicts, "label conflict, the same content in more than one class: "+list)
		default:
			twins = append(twins, twin+list)
		}
	}
	f.Notes = append(append(conflicts, twins...), f.Notes...)
}

// mixed reports whether items of the same content have different labels.
func mixed(group []Item) bool {
	for _, item := range group[1:] {
		if item.Class != group[0].Class || !slices.Equal(item.Labels, group[0].Labels) {
			return true
		}
	}
	return false
}
