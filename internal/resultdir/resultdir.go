// Package resultdir creates, locks and resumes folders of results. A process locks a folder before
// it works, so that only one process uses it at a time. Files of others are not changed.
package resultdir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
	"oscar/internal/paths"
)

// Kind describes the folders of one verb.
type Kind struct {
	// Mark is the file that identifies results of this kind, which can be resumed; "": they cannot be
	// resumed.
	Mark string
	// Early are the names, or patterns of [filepath.Match], of files that are written before Mark. In a
	// folder with a lock file and without Mark they were left by a killed process.
	Early []string
	// Run is set for runs, which "oscar train --resume" continues.
	Run bool
}

// Dir is a locked folder of results.
type Dir struct {
	Path    string
	Resumed bool // the folder has results of its kind

	made bool // this process created the folder
	lock *os.File
}

// runMark is the file that identifies a run.
const runMark = "experiment.json"

// Open locks a folder for results, and creates it if it does not exist. It must be empty or have
// results of its kind. Open removes the remains of interrupted writes, also in sub-folders.
func Open(path string, kind Kind) (*Dir, error) {
	if _, err := kind.Check(path); err != nil {
		return nil, err
	}
	err := os.MkdirAll(filepath.Dir(filepath.Clean(path)), 0o777)
	if err == nil {
		err = os.Mkdir(path, 0o777)
	}
	d := &Dir{Path: path, made: err == nil}
	if err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("cannot make the folder %s: %w", path, paths.TrimError(err))
	}
	if d.lock, err = atomicfile.Lock(path); err != nil {
		if _, ok := errors.AsType[*os.PathError](err); ok {
			err = fmt.Errorf("cannot write in %s: %w", path, paths.TrimError(err))
		}
		return nil, err
	}
	// Another process may have used the folder before it was locked.
	if d.Resumed, err = kind.Check(path); err == nil {
		err = atomicfile.CleanAll(path)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// HasResults reports whether the folder has anything besides the lock file.
func (d *Dir) HasResults() bool {
	entries, err := os.ReadDir(d.Path)
	return err != nil || len(entries) != 1
}

// Close unlocks the folder. If only the lock file is left, Close removes it, and the folder if Open
// created it.
func (d *Dir) Close() error {
	if !d.HasResults() {
		os.Remove(filepath.Join(d.Path, atomicfile.LockFile))
		if d.made {
			os.Remove(d.Path)
		}
	}
	return d.lock.Close()
}

// Check reports whether a folder has results of the kind. Anything else in it is an error.
func (k Kind) Check(path string) (resumed bool, err error) {
	entries, err := os.ReadDir(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("%s cannot be a folder for results: %w; name a new folder", path, paths.TrimError(err))
	}
	has := func(name string) bool {
		return slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == name })
	}
	if k.Mark != "" {
		list, err := checksum.Read(path)
		if err != nil {
			return false, err
		}
		if _, lost := list[k.Mark]; lost || has(k.Mark) { // if it is lost, reading it gives an error
			return true, nil
		}
	}
	locked := has(atomicfile.LockFile)
	for _, e := range entries {
		name := e.Name()
		if atomicfile.IsTemporary(name) || locked && k.early(name) {
			continue
		}
		if has(runMark) {
			if k.Run {
				return false, fmt.Errorf("%s holds another run; continue with \"oscar train --resume %s\", or name a new folder", path, path)
			}
			return false, fmt.Errorf("%s is the folder of a run; name a new folder", path)
		}
		return false, fmt.Errorf("%s is not empty; name a new folder", path)
	}
	return false, nil
}

func (k Kind) early(name string) bool {
	return slices.ContainsFunc(k.Early, func(pattern string) bool {
		ok, err := filepath.Match(pattern, name)
		return ok && err == nil
	})
}
