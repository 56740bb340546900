// Package checksum keeps the SHA-256 of the files of a folder in a list next to
// them. The list is a text file that "sha256sum -c" reads, too. It is written
// when the files are complete, and files are compared with it when they are read.
// A file that no list names is not compared: folders of older versions have no
// list.
package checksum

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"oscar/internal/atomicfile"
)

// File is the name of a folder's list.
const File = "SHA256SUMS"

// List has the SHA-256 of files, in hexadecimal, by their paths relative to the
// folder, with slashes.
type List map[string]string

// Damage is a file that is not as its list has it. It is an error.
type Damage struct {
	Dir  string
	Name string // relative to Dir, with slashes
	Gone bool   // the file is missing
}

func (d *Damage) Error() string {
	path := filepath.Join(d.Dir, filepath.FromSlash(d.Name))
	if d.Gone {
		return path + " is missing"
	}
	return path + " is damaged: it differs from what was written (SHA-256)"
}

// Read reads the list of a folder. Without one it returns nil and no error.
func Read(dir string) (List, error) {
	b, err := os.ReadFile(filepath.Join(dir, File))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	l := List{}
	for line := range strings.Lines(string(b)) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		raw, err := hex.DecodeString(sum)
		if !ok || err != nil || len(raw) != sha256.Size || !strings.HasSuffix(line, "\n") || !filepath.IsLocal(filepath.FromSlash(name)) {
			return nil, &Damage{Dir: dir, Name: File}
		}
		l[name] = sum
	}
	return l, nil
}

// Update adds files to the list of a folder, and makes the list if there is none.
// Files that do not exist leave the list.
func Update(dir string, names ...string) error {
	l, err := Read(dir)
	if err != nil {
		return err
	}
	if l == nil {
		l = List{}
	}
	for _, name := range names {
		sum, err := sumFile(filepath.Join(dir, filepath.FromSlash(name)))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			delete(l, name)
		case err != nil:
			return err
		default:
			l[name] = sum
		}
	}
	return l.write(dir)
}

// Remove removes files from the list of a folder: they may change from now on.
func Remove(dir string, names ...string) error {
	l, err := Read(dir)
	if err != nil || l == nil {
		return err
	}
	for _, name := range names {
		delete(l, name)
	}
	return l.write(dir)
}

// write writes the list. One that is equal stays.
func (l List) write(dir string) error {
	var b bytes.Buffer
	for _, name := range l.Names() {
		if strings.ContainsAny(name, "\n\r\\") { // sha256sum would quote them
			return fmt.Errorf("file name %q cannot be in a list of checksums", name)
		}
		fmt.Fprintf(&b, "%s  %s\n", l[name], name)
	}
	path := filepath.Join(dir, File)
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, b.Bytes()) {
		return nil
	}
	return atomicfile.Write(path, b.Bytes())
}

// Names returns the files' names, sorted.
func (l List) Names() []string { return slices.Sorted(maps.Keys(l)) }

// Damaged returns the files of the list that are missing or differ. With names
// it looks at those only.
func (l List) Damaged(dir string, names ...string) ([]*Damage, error) {
	if names == nil {
		names = l.Names()
	}
	var out []*Damage
	for _, name := range names {
		want, listed := l[name]
		if !listed {
			continue
		}
		got, err := sumFile(filepath.Join(dir, filepath.FromSlash(name)))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			out = append(out, &Damage{Dir: dir, Name: name, Gone: true})
		case err != nil:
			return nil, err
		case got != want:
			out = append(out, &Damage{Dir: dir, Name: name})
		}
	}
	return out, nil
}

// Check returns a [Damage] if a file of a folder differs from the folder's list.
// Without names it checks all that the list names.
func Check(dir string, names ...string) error {
	l, err := Read(dir)
	if err != nil {
		return err
	}
	damaged, err := l.Damaged(dir, names...)
	if err == nil && len(damaged) > 0 {
		return damaged[0]
	}
	return err
}

// ReadFile reads a file of a folder. It returns a [Damage] if the file differs
// from the folder's list.
func ReadFile(dir, name string) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		return nil, err
	}
	l, err := Read(dir)
	if err != nil {
		return nil, err
	}
	if want, listed := l[name]; listed && sum(b) != want {
		return nil, &Damage{Dir: dir, Name: name}
	}
	return b, nil
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

func sumFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Tree returns the regular files below a folder, relative to it, with slashes.
// It leaves out lists, lock files, unfinished files, and folders with a list of
// their own.
func Tree(dir string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if strings.HasPrefix(name, atomicfile.Prefix) {
				return fs.SkipDir
			}
			if _, err := os.Stat(filepath.Join(path, File)); err == nil {
				return fs.SkipDir
			}
			return nil
		}
		if name == File || name == atomicfile.LockFile || strings.HasPrefix(name, atomicfile.Prefix) {
			return nil
		}
		rel, err := filepath.Rel(dir, path)
		names = append(names, filepath.ToSlash(rel))
		return err
	})
	return names, err
}
