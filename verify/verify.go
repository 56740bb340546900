// Package verify compares folders of results with the SHA-256 of their files. Only [Accept]
// writes.
package verify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
	"oscar/internal/paths"
	"oscar/result"
)

// State is the state of a folder.
type State string

// The states of folders.
const (
	Whole    State = "whole"    // every listed file has its checksum
	Damaged  State = "damaged"  // a file differs or is missing
	Unlisted State = "unlisted" // files of oscar have no checksum, because an older version made them
	Foreign  State = "foreign"  // oscar did not make it
)

// Folder is the result for a folder.
type Folder struct {
	Path    string `json:"path"`
	Kind    string `json:"kind"` // kind of results; "": none of them
	State   State  `json:"state"`
	Files   int    `json:"files"` // number of compared files
	Bytes   int64  `json:"bytes"`
	Damaged []File `json:"damaged,omitempty"`
	// Unlisted are files of oscar without a checksum. Foreign are files of others. Both are relative to
	// Path, with slashes.
	Unlisted []string `json:"unlisted,omitempty"`
	Foreign  []string `json:"foreign,omitempty"`
	// Folders are the folders in it with their own lists.
	Folders []*Folder `json:"folders,omitempty"`
}

// File is a damaged file.
type File struct {
	Path   string `json:"path"` // relative to the folder's path, with slashes
	Gone   bool   `json:"gone"` // the file is missing
	Remedy string `json:"remedy"`
}

// Whole reports whether the folder and all folders in it are whole.
func (f *Folder) Whole() bool {
	return f.State == Whole && !slices.ContainsFunc(f.Folders, func(in *Folder) bool { return !in.Whole() })
}

// All returns the folder and all folders in it, at any depth.
func (f *Folder) All() []*Folder {
	all := []*Folder{f}
	for _, in := range f.Folders {
		all = append(all, in.All()...)
	}
	return all
}

// checkDir returns an error unless dir is a folder.
func checkDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return fmt.Errorf("cannot read the folder of results %q: %w", dir, paths.TrimError(err))
	case !info.IsDir():
		return fmt.Errorf("%s is a file, want the folder of results that contains it", dir)
	}
	return nil
}

// Dir compares all files of a folder, and of the folders in it, with their lists.
func Dir(ctx context.Context, dir string) (*Folder, error) {
	if err := checkDir(dir); err != nil {
		return nil, err
	}
	f := &Folder{Path: dir, State: Whole}
	list, err := checksum.Read(dir)
	switch {
	case checksum.Is(err):
		f.damaged(err.(*checksum.Damage))
	case err != nil:
		return nil, err
	}
	k := kindOf(dir, list)
	if k != nil {
		f.Kind = k.name
	}
	listed := map[string]bool{}
	if err := f.compare(ctx, list, listed); err != nil {
		return nil, err
	}
	lists, err := checksum.Lists(dir, list)
	if err != nil {
		return nil, err
	}
	for _, name := range lists {
		more, err := checksum.ReadList(dir, name)
		if d, damaged := errors.AsType[*checksum.Damage](err); damaged {
			if !f.has(d.Name) {
				f.damaged(d)
			}
		} else if err != nil {
			return nil, err
		}
		listed[checksum.ListName(name)] = true
		if err := f.compare(ctx, more, listed); err != nil {
			return nil, err
		}
	}
	if err := f.walk(ctx, listed, k); err != nil {
		return nil, err
	}
	if k != nil && k.mark == result.ExperimentFile {
		f.checkModel(listed)
	}
	switch {
	case len(f.Damaged) > 0:
		f.State = Damaged
	case len(f.Unlisted) > 0 || k != nil && f.Files == 0:
		f.State = Unlisted
	case f.Files == 0 && len(f.Folders) == 0:
		f.State = Foreign
	}
	return f, nil
}

// checkModel reports the missing model of an evaluated classifier's run, unless it was discarded.
func (f *Folder) checkModel(listed map[string]bool) {
	const model = "saved_model"
	tested := listed[result.EvaluationFile] && !listed[result.DiscardedFile] && !result.IsOfDetector(f.Path, result.ExperimentFile)
	if tested && !paths.Exists(filepath.Join(f.Path, model)) {
		f.damaged(&checksum.Damage{Dir: f.Path, Name: model, Gone: true, Remedy: fmt.Sprintf(resume, f.Path)})
	}
}

// compare compares the files of a list.
func (f *Folder) compare(ctx context.Context, list checksum.List, listed map[string]bool) error {
	for _, name := range list.Names() {
		if err := ctx.Err(); err != nil {
			return err
		}
		damaged, err := list.Damaged(f.Path, name)
		if err != nil {
			return err
		}
		for _, d := range damaged {
			f.damaged(d)
		}
		listed[name] = true
		f.Files++
		if info, err := os.Stat(filepath.Join(f.Path, filepath.FromSlash(name))); err == nil {
			f.Bytes += info.Size()
		}
	}
	return nil
}

// has reports whether a file is known to be damaged.
func (f *Folder) has(name string) bool {
	return slices.ContainsFunc(f.Damaged, func(d File) bool { return d.Path == name })
}

func (f *Folder) damaged(d *checksum.Damage) {
	f.Damaged = append(f.Damaged, File{d.Name, d.Gone, Remedy(d)})
}

// walk finds folders with their own lists, and files without a checksum.
func (f *Folder) walk(ctx context.Context, listed map[string]bool, k *kind) error {
	return filepath.WalkDir(f.Path, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || path == f.Path {
			return err
		}
		rel, err := filepath.Rel(f.Path, path)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		base := d.Name()
		switch {
		case strings.HasPrefix(base, atomicfile.Prefix):
			if d.IsDir() {
				return fs.SkipDir
			}
		case d.IsDir():
			if !paths.Exists(filepath.Join(path, checksum.File)) && (kindOf(path, nil) == nil || k != nil && k.made(name+"/")) {
				return nil
			}
			in, err := Dir(ctx, path)
			if err != nil {
				return err
			}
			f.Folders = append(f.Folders, in)
			return fs.SkipDir
		case listed[name] || base == checksum.File || base == atomicfile.LockFile:
		case k == nil || !k.made(name):
			f.Foreign = append(f.Foreign, name)
		case !k.unchecked(name):
			f.Unlisted = append(f.Unlisted, name)
		}
		return nil
	})
}

// Accept records the current files of a folder and of the folders in it: damaged ones, and oscar's
// files without a checksum. Missing files are removed from the list. Accept also removes the remains
// of interrupted writes. If another process uses the folder, it returns an error.
func Accept(ctx context.Context, dir string) (err error) {
	if err := checkDir(dir); err != nil {
		return err
	}
	locks, err := lockAll(dir)
	defer func() {
		for _, lock := range locks {
			err = errors.Join(err, lock.Close())
		}
	}()
	if err != nil {
		return err
	}
	f, err := Dir(ctx, dir)
	if err != nil {
		return err
	}
	if f.State != Foreign {
		if err := atomicfile.CleanAll(dir); err != nil {
			return err
		}
	}
	for _, in := range f.All() {
		if err := in.accept(); err != nil {
			return err
		}
	}
	return nil
}

// lockAll locks dir and the folders below it that have a lock file.
func lockAll(dir string) (locks []*os.File, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if path == dir && err != nil {
			return nil // Dir reports the fault
		}
		if err != nil || d.IsDir() || d.Name() != atomicfile.LockFile {
			return err
		}
		lock, err := atomicfile.Lock(filepath.Dir(path))
		if err == nil {
			locks = append(locks, lock)
		}
		return err
	})
	return locks, err
}

func (f *Folder) accept() error {
	root, further := f.Unlisted, map[string]bool{} // further are the additional lists to rewrite
	lists, err := checksum.Lists(f.Path, nil)
	if err != nil {
		return err
	}
	owner := map[string]string{}
	for _, name := range lists {
		l, err := checksum.ReadList(f.Path, name)
		if checksum.Is(err) {
			err = checksum.RemoveList(f.Path, name) // then its files have no checksum
		}
		if err != nil {
			return err
		}
		for file := range l {
			owner[file] = name
		}
	}
	for _, d := range f.Damaged {
		switch name, in := owner[d.Path]; {
		case d.Path == checksum.File: // then all files have no checksum
			if err := os.Remove(filepath.Join(f.Path, checksum.File)); err != nil {
				return err
			}
		case in:
			further[name] = true
		default:
			root = append(root, d.Path)
		}
	}
	for name := range further {
		l, err := checksum.ReadList(f.Path, name)
		if err == nil {
			err = checksum.WriteList(f.Path, name, l.Names())
		}
		if err != nil {
			return err
		}
		root = append(root, checksum.ListName(name))
	}
	if len(root) == 0 {
		return nil
	}
	return checksum.Update(f.Path, root...)
}
