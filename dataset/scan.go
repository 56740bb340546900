package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"
	"golang.org/x/text/unicode/norm"
)

// An Item is one labelled image file.
type Item struct {
	Path   string `json:"path"`   // relative to the root, slash-separated
	Class  int    `json:"class"`  // index into the sorted class names
	SHA256 string `json:"sha256"` // of the file's content, in hex; "" if unknown
}

// A Problem is a file that is not used, and why.
type Problem struct {
	Path   string `json:"path"` // relative to the root, slash-separated
	Reason string `json:"reason"`
}

// ScanOptions are the options of Scan. The zero value is usable.
type ScanOptions struct {
	Limits Limits
	// Verify decodes every file in full. Without it only the header is read, and
	// damage further on shows when the image is used.
	Verify bool
	// OneClass allows a single class: it can be measured, though not learned.
	OneClass bool
	// Workers is the number of files read at a time; 0: one a processor.
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
	Notes      []string  // a line each for what one should know
	Grouping   *Grouping // images that belong together; Group sets it

	dirs []string // of each class, as the file system has it
}

// Scan lists the images below root, which has one sub-folder per class. Class
// folders may have folders of their own, which are noted; hidden names and folders
// that a machine made (@eaDir, __MACOSX, ...) are passed over; links are followed. Files are hashed, and known as images by their content.
//
// Names of classes are in Unicode NFC, whatever the file system has; those that look
// alike are noted.
//
// A file that is not a readable image, and a folder that cannot be read, is listed in
// Unreadable. It is an error
// if root cannot be read, has fewer than two class folders, if these are the parts
// of a data set (train, test) with the classes within them, or if a class has no
// readable image at all.
func Scan(ctx context.Context, root string, opts ScanOptions) (*Folder, error) {
	folder, err := listClasses(root, opts.OneClass)
	if err != nil {
		return nil, err
	}
	// Every file below a class folder is a candidate.
	var candidates []Item
	for class := range folder.Classes {
		files, passed, err := listFiles(ctx, filepath.Join(root, folder.dirs[class]))
		if err != nil {
			return nil, err
		}
		for _, path := range passed {
			folder.passedOver(path)
		}
		for _, file := range files {
			path, err := filepath.Rel(root, file)
			if err != nil {
				return nil, err
			}
			candidates = append(candidates, Item{Path: filepath.ToSlash(path), Class: class})
		}
	}
	if err := folder.checkLayout(candidates); err != nil {
		return nil, err
	}
	if err := folder.inspect(ctx, candidates, opts); err != nil {
		return nil, err
	}
	images := make([]int, len(folder.Classes))
	for _, item := range folder.Items {
		images[item.Class]++
	}
	for class, name := range folder.Classes {
		if images[class] > 0 {
			continue
		}
		err := fmt.Errorf("class %q has no readable image in %q", name, filepath.Join(root, folder.dirs[class]))
		for _, p := range folder.Unreadable {
			if strings.HasPrefix(p.Path, filepath.ToSlash(folder.dirs[class])+"/") {
				return nil, fmt.Errorf("%w, for one %s: %s", err, p.Path, p.Reason)
			}
		}
		return nil, err
	}
	folder.noteSubfolders()
	folder.noteLookalikes()
	folder.findDuplicates()
	return folder, nil
}

// Classes returns the names of the class folders below root, as [Scan] does.
func Classes(root string) ([]string, error) {
	folder, err := listClasses(root, true)
	if err != nil {
		return nil, err
	}
	return folder.Classes, nil
}

// List lists the images below root, whatever its folders are called. Their class is
// -1, and the folder has no classes. Otherwise it is as [Scan].
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
	return folder, folder.inspect(ctx, candidates, opts)
}

// checkRoot reports a root that is no folder.
func checkRoot(root string) error {
	info, err := os.Stat(root)
	if err != nil {
		return fmt.Errorf("cannot read image folder %q: %w", root, bare(err))
	}
	if !info.IsDir() {
		return fmt.Errorf("%q is a file: expected a folder with one sub-folder per class", root)
	}
	return nil
}

// inspect reads the candidates and puts each among the items or the unreadable files.
func (f *Folder) inspect(ctx context.Context, candidates []Item, opts ScanOptions) error {
	reasons, err := inspectAll(ctx, f.Root, candidates, opts)
	if err != nil {
		return err
	}
	for i, item := range candidates {
		if reasons[i] == nil {
			f.Items = append(f.Items, item)
		} else {
			f.Unreadable = append(f.Unreadable, Problem{Path: strings.ToValidUTF8(item.Path, "\uFFFD"), Reason: reasons[i].Error()})
		}
	}
	return nil
}

// listClasses reads the sub-folders of root, two at least unless oneClass.
func listClasses(root string, oneClass bool) (*Folder, error) {
	if err := checkRoot(root); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, fmt.Errorf("cannot read image folder %q: %w", root, bare(err))
	}
	folder := &Folder{Root: root}
	var loose []string
	for _, entry := range entries {
		name := entry.Name()
		switch {
		case hidden(name):
		case machineMade(name) && isFolder(filepath.Join(root, name), entry):
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

// inspectAll hashes the files, in parallel, and says why one is not usable.
func inspectAll(ctx context.Context, root string, items []Item, opts ScanOptions) ([]error, error) {
	workers := opts.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	reasons := make([]error, len(items))
	jobs := make(chan int)
	var mu sync.Mutex
	done := 0
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(jobs)
		for i := range items {
			select {
			case jobs <- i:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range workers {
		group.Go(func() error {
			var buf []byte
			for i := range jobs {
				buf, reasons[i] = inspect(ctx, root, &items[i], opts, buf)
				if opts.Progress != nil {
					mu.Lock()
					done++
					opts.Progress(done, len(items))
					mu.Unlock()
				}
			}
			return nil
		})
	}
	return reasons, group.Wait()
}

// inspect fills in the hash of one item. It returns its buffer for reuse.
func inspect(ctx context.Context, root string, item *Item, opts ScanOptions, buf []byte) ([]byte, error) {
	if !utf8.ValidString(item.Path) {
		return buf, fmt.Errorf("file name is not valid UTF-8: %q", item.Path)
	}
	data, err := readFile(filepath.Join(root, filepath.FromSlash(item.Path)), buf, opts.Limits)
	if err != nil {
		return buf, err
	}
	sum := sha256.Sum256(data)
	item.SHA256 = hex.EncodeToString(sum[:])
	if opts.Verify {
		_, _, err = DecodeContext(ctx, data, opts.Limits)
	} else {
		_, err = ReadHeader(data, opts.Limits)
	}
	return data, err
}

// findDuplicates groups items by content and notes them, label conflicts first.
func (f *Folder) findDuplicates() {
	groups := map[string][]Item{}
	for _, item := range f.Items {
		groups[item.SHA256] = append(groups[item.SHA256], item)
	}
	var conflicts, twins []string
	for _, item := range f.Items { // in order of path, each group at its first
		group := groups[item.SHA256]
		if len(group) < 2 || group[0].Path != item.Path {
			continue
		}
		f.Duplicates = append(f.Duplicates, group)
		var paths []string
		for _, twin := range group {
			paths = append(paths, twin.Path)
		}
		if list := strings.Join(paths, ", "); mixed(group) {
			conflicts = append(conflicts, "label conflict, the same content in more than one class: "+list)
		} else {
			twins = append(twins, "the same content, kept in the same part: "+list)
		}
	}
	f.Notes = append(append(conflicts, twins...), f.Notes...)
}

// mixed tells whether items of the same content have different labels.
func mixed(group []Item) bool {
	for _, item := range group[1:] {
		if item.Class != group[0].Class {
			return true
		}
	}
	return false
}
