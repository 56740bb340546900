package dataset

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"oscar/internal/checksum"
	"oscar/internal/paths"
)

// A walk lists the files below a folder. It skips hidden names (a leading dot), machine-made folders
// and oscar's results. It follows links, and enters each real folder only once, so that it ends even
// if links form a loop.
type walk struct {
	ctx   context.Context
	read  func(dir string) ([]os.DirEntry, error)
	file  func(path string) error // called with the path of each file; paths begin with the walk's folder
	pass  func(path string)       // called with the path of each skipped folder
	seen  map[string]bool
	links []string // links to folders, followed after all real folders
}

// machineFolders contain thumbnails, resource forks and deleted files, which would
// otherwise be read as images of a class.
var machineFolders = []string{"@eaDir", "__MACOSX", "#recycle", "$RECYCLE.BIN", "lost+found", "System Volume Information"}

// machineMade reports whether a program makes folders of this name.
func machineMade(name string) bool {
	return slices.ContainsFunc(machineFolders, func(m string) bool { return strings.EqualFold(m, name) })
}

// resultMarks identify oscar's folders of results and models. Their pictures, such as
// overlays, would otherwise be read as images of a class.
var resultMarks = []string{
	"experiment.json", "explain.json", "scoring.json", "plan.json", "global.json", "comparison.json",
	"audit.json", "folds.json", "predict.json", "saved_model.pb", "weights.index", "variables.index",
}

// isResults reports whether dir is a folder of oscar's results: it has a list of checksums and a
// mark. A data set drawn by oscar has no mark.
func isResults(dir string) bool {
	return paths.Exists(filepath.Join(dir, checksum.File)) &&
		slices.ContainsFunc(resultMarks, func(name string) bool { return paths.Exists(filepath.Join(dir, name)) })
}

// skipped reports whether an entry is a folder whose files do not belong to a data set.
func skipped(path string, entry fs.DirEntry) bool {
	return isFolder(path, entry) && (machineMade(entry.Name()) || isResults(path))
}

// listFiles returns every file below dir that is not hidden, and the skipped folders, as sorted
// paths that begin with dir. Broken links, special files and unreadable folders are listed as files:
// reading them gives an error, which is reported.
func listFiles(ctx context.Context, dir string) (files, passed []string, err error) {
	w := walk{ctx: ctx, read: os.ReadDir, seen: map[string]bool{}}
	w.file = func(path string) error { files = append(files, path); return nil }
	w.pass = func(path string) { passed = append(passed, path) }
	err = w.list(dir)
	slices.Sort(files)
	slices.Sort(passed)
	return files, passed, err
}

// WalkImages calls each with the files that [ListImages] lists, as soon as it finds them, until each
// returns an error. It holds only the names of one folder in memory. A folder's files come in the
// order of their names, and before those behind links to folders. A path that is given twice is
// visited twice.
func WalkImages(ctx context.Context, names []string, each func(path string) error) error {
	for _, path := range names {
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("cannot read %q: %w", path, paths.TrimError(err))
		}
		path = filepath.Clean(path)
		if info.IsDir() {
			w := walk{ctx: ctx, read: os.ReadDir, file: each, pass: func(string) {}, seen: map[string]bool{}}
			err = w.list(path)
		} else {
			err = each(path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// list lists the files below dir, which must be a readable folder.
func (w *walk) list(dir string) error {
	if _, err := w.read(dir); err != nil {
		return fmt.Errorf("cannot read folder %q: %w", dir, paths.TrimError(err))
	}
	w.links = []string{dir}
	for len(w.links) > 0 {
		link := w.links[0]
		w.links = w.links[1:]
		target, err := filepath.EvalSymlinks(link)
		if err != nil {
			if err := w.file(link); err != nil {
				return err
			}
			continue
		}
		if err := w.enter(link, target); err != nil {
			return err
		}
	}
	return nil
}

// enter lists the folder path, whose real path is target. It returns the error of the context or of
// file.
func (w *walk) enter(path, target string) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if w.seen[target] {
		return nil
	}
	w.seen[target] = true
	entries, err := w.read(path)
	if err != nil {
		return w.file(path)
	}
	for _, entry := range entries {
		name := entry.Name()
		if hidden(name) {
			continue
		}
		child := filepath.Join(path, name)
		switch {
		case skipped(child, entry):
			w.pass(child)
		case entry.IsDir():
			if err := w.enter(child, filepath.Join(target, name)); err != nil {
				return err
			}
		case isFolder(child, entry):
			w.links = append(w.links, child)
		default:
			if err := w.file(child); err != nil {
				return err
			}
		}
	}
	return nil
}

func hidden(name string) bool { return strings.HasPrefix(name, ".") }

// isFolder reports whether an entry is a folder or a link to one.
func isFolder(path string, entry fs.DirEntry) bool {
	if entry.Type()&fs.ModeSymlink == 0 {
		return entry.IsDir()
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// ListImages expands files and folders into a sorted list of files without duplicates. It lists
// everything below a folder except hidden names, machine-made folders and oscar's results. It does
// not decode: files that are not images, and unreadable folders, are reported later. A path that
// does not exist, and paths without any file, are errors.
func ListImages(ctx context.Context, names []string) ([]string, error) {
	var list []string
	for _, path := range names {
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("cannot read %q: %w", path, paths.TrimError(err))
		}
		if !info.IsDir() {
			list = append(list, filepath.Clean(path))
			continue
		}
		files, _, err := listFiles(ctx, filepath.Clean(path))
		if err != nil {
			return nil, err
		}
		list = append(list, files...)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no files in %s", strings.Join(names, ", "))
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}
