package checksum

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"oscar/internal/atomicfile"
	"oscar/internal/paths"
)

// A folder of many files has additional lists, so that no list grows with each file:
// sums/NAME.sha256, whose paths are also relative to the folder. [File] lists them.
const (
	listsDir   = "sums"
	listSuffix = ".sha256"
)

// ListName returns the path of a further list, relative to its folder.
func ListName(name string) string { return listsDir + "/" + name + listSuffix }

// listOf returns the name of a further list from its path; ok is false for other files.
func listOf(path string) (name string, ok bool) {
	below, in := strings.CutPrefix(path, listsDir+"/")
	name, is := strings.CutSuffix(below, listSuffix)
	return name, in && is
}

// WriteList writes a further list with the checksums of the files. It leaves out missing
// files, and does not write a list that is the same.
func WriteList(dir, name string, files []string) error {
	l := List{}
	for _, file := range files {
		digest, err := Sum(filepath.Join(dir, filepath.FromSlash(file)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return err
		}
		l[file] = digest
	}
	path := filepath.Join(dir, filepath.FromSlash(ListName(name)))
	if old, err := os.ReadFile(path); err == nil && string(old) == string(l.Text()) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return atomicfile.Write(path, l.Text())
}

// ReadList reads a further list; nil if there is none.
func ReadList(dir, name string) (List, error) {
	l, err := readList(dir, ListName(name))
	if err == nil && l != nil && len(l) == 0 {
		return nil, &Damage{Dir: dir, Name: ListName(name)} // empty after a power failure
	}
	return l, err
}

// RemoveList removes a further list.
func RemoveList(dir, name string) error {
	err := os.Remove(filepath.Join(dir, filepath.FromSlash(ListName(name))))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Lists returns the names of a folder's additional lists, sorted: those that exist, and those in
// root, the folder's list.
func Lists(dir string, root List) ([]string, error) {
	names := List{}
	for path := range root {
		if name, ok := listOf(path); ok {
			names[name] = ""
		}
	}
	entries, err := os.ReadDir(filepath.Join(dir, listsDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if name, ok := listOf(listsDir + "/" + e.Name()); ok && !strings.HasPrefix(name, atomicfile.Prefix) {
			names[name] = ""
		}
	}
	return names.Names(), nil
}

// all returns the files of a folder's list and of its further lists.
func all(dir string) (List, error) {
	root, err := Read(dir)
	if err != nil {
		return nil, err
	}
	names, err := Lists(dir, root)
	if err != nil {
		return nil, err
	}
	l := List{}
	for _, name := range names {
		if d, err := root.damage(dir, ListName(name)); err != nil {
			return nil, err
		} else if d != nil {
			return nil, d
		}
		more, err := ReadList(dir, name)
		if err != nil {
			return nil, err
		}
		for file, digest := range more {
			l[file] = digest
		}
	}
	for file, digest := range root {
		l[file] = digest
	}
	return l, nil
}

// CheckAll returns a [Damage] if a file of a folder differs from the folder's list
// or one of its further lists.
func CheckAll(dir string) error {
	l, err := all(dir)
	if err != nil {
		return err
	}
	damaged, err := l.Damaged(dir)
	if err == nil && len(damaged) > 0 {
		return damaged[0]
	}
	return err
}

// cached has the lists of the folder that was used last.
var cached struct {
	sync.Mutex
	dir   string
	state [2]os.FileInfo
	list  List
}

// listFor returns a list of a folder that has the file, or nil if none has it.
func listFor(dir, name string) (List, error) {
	root, err := Read(dir)
	if _, listed := root[name]; listed || err != nil || !paths.Exists(filepath.Join(dir, listsDir)) {
		return root, err
	}
	cached.Lock()
	defer cached.Unlock()
	var state [2]os.FileInfo
	for i, path := range []string{File, listsDir} {
		if info, err := os.Stat(filepath.Join(dir, path)); err == nil {
			state[i] = info
		}
	}
	same := func(a, b os.FileInfo) bool {
		return a == nil && b == nil || a != nil && b != nil && os.SameFile(a, b) && a.ModTime().Equal(b.ModTime())
	}
	if cached.dir == dir && same(cached.state[0], state[0]) && same(cached.state[1], state[1]) {
		return cached.list, nil
	}
	l, err := all(dir)
	if err != nil {
		return nil, err
	}
	cached.dir, cached.state, cached.list = dir, state, l
	return l, nil
}

// Listed reports whether the list of a folder has the files and all additional lists. A job lists
// these when it ends.
func Listed(dir string, names ...string) bool {
	root, err := Read(dir)
	if err != nil {
		return false
	}
	lists, err := Lists(dir, root)
	for _, name := range lists {
		names = append(names, ListName(name))
	}
	return err == nil && !slices.ContainsFunc(names, func(name string) bool { return root[name] == "" })
}
