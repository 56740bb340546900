package checksum

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"oscar/internal/atomicfile"
	"oscar/internal/jsonerror"
	"oscar/internal/paths"
)

// Update adds the checksums of files to the list of a folder, and creates the list if
// there is none. It removes files that do not exist from the list.
func Update(dir string, names ...string) error {
	return edit(dir, func(l List) error {
		for _, name := range names {
			digest, err := Sum(filepath.Join(dir, filepath.FromSlash(name)))
			switch {
			case errors.Is(err, fs.ErrNotExist):
				delete(l, name)
			case err != nil:
				return err
			default:
				l[name] = digest
			}
		}
		return nil
	})
}

// UpdateUnlisted adds the existing files without a line to the list of a folder: an older
// version or a killed process wrote them.
func UpdateUnlisted(dir string, names ...string) error {
	l, err := Read(dir)
	if err != nil {
		return err
	}
	var missing []string
	for _, name := range names {
		if _, listed := l[name]; !listed && paths.Exists(filepath.Join(dir, filepath.FromSlash(name))) {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return Update(dir, missing...)
}

// Remove removes files from the list of a folder, because they are going to change.
func Remove(dir string, names ...string) error {
	if l, err := Read(dir); err != nil || l == nil {
		return err
	}
	return edit(dir, func(l List) error {
		for _, name := range names {
			delete(l, name)
		}
		return nil
	})
}

// Seal lists all files of a folder that is being written, and replaces an earlier list. It does not
// sync, because [atomicfile.Dir] does.
func Seal(dir string) error {
	names, err := Tree(dir)
	if err != nil {
		return err
	}
	l := List{}
	for _, name := range names {
		if l[name], err = Sum(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, File), l.Text(), 0o666)
}

// Write writes a file of a folder atomically, and lists it. If the process is killed meanwhile, the
// old or the new file remains, without being listed.
func Write(dir, name string, data []byte) error {
	return Stream(dir, name, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// WriteJSON writes v as indented JSON with [Write].
func WriteJSON(dir, name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return Write(dir, name, append(text, '\n'))
}

// Stream is [Write] with the data that fill writes.
func Stream(dir, name string, fill func(io.Writer) error) error {
	if err := Remove(dir, name); err != nil {
		return err
	}
	h := sha256.New()
	err := atomicfile.Stream(filepath.Join(dir, filepath.FromSlash(name)), func(f *os.File) error {
		return fill(io.MultiWriter(f, h))
	})
	if err != nil {
		return err
	}
	return edit(dir, func(l List) error {
		l[name] = hex.EncodeToString(h.Sum(nil))
		return nil
	})
}

// Delete removes a file of a folder, and from the list. A missing file is not an error.
func Delete(dir, name string) error {
	if err := Remove(dir, name); err != nil {
		return err
	}
	err := os.Remove(filepath.Join(dir, filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// ReadFile reads a file of a folder with [paths.ReadRecord]. It returns a [Damage] if the file
// differs from the lists of the folder, or from the list of the sub-folder that contains it.
func ReadFile(dir, name string) ([]byte, error) {
	for i, c := range name {
		if c == '/' && paths.Exists(filepath.Join(dir, filepath.FromSlash(name[:i]), File)) {
			return ReadFile(filepath.Join(dir, filepath.FromSlash(name[:i])), name[i+1:])
		}
	}
	l, err := listFor(dir, name)
	if err != nil {
		return nil, err
	}
	return l.ReadFile(dir, name)
}

// ReadFile reads a file and compares it with the list.
func (l List) ReadFile(dir, name string) ([]byte, error) {
	b, err := paths.ReadRecord(filepath.Join(dir, filepath.FromSlash(name)))
	want, listed := l[name]
	switch {
	case listed && errors.Is(err, fs.ErrNotExist):
		return nil, &Damage{Dir: dir, Name: name, Gone: true}
	case err != nil:
		return nil, err
	case listed && sum(b) != want:
		return nil, &Damage{Dir: dir, Name: name}
	}
	return b, nil
}

// Restore writes a damaged file of a folder again, if the data have the listed checksum.
func Restore(dir, name string, data []byte) (restored bool, err error) {
	l, err := Read(dir)
	if err != nil || l[name] != sum(data) {
		return false, err
	}
	return true, atomicfile.Write(filepath.Join(dir, filepath.FromSlash(name)), data)
}

// RestoreJSON is [Restore] for a file of [WriteJSON].
func RestoreJSON(dir, name string, v any) (restored bool, err error) {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return false, err
	}
	return Restore(dir, name, append(text, '\n'))
}

// ReadJSON reads a file of JSON by [ReadFile]. Its errors name the file.
func ReadJSON(dir, name string, v any) error {
	b, err := ReadFile(dir, name)
	if err != nil {
		return err
	}
	if err := jsonerror.Plain(json.Unmarshal(b, v)); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(dir, filepath.FromSlash(name)), err)
	}
	return nil
}

// editing is held by the goroutine that changes a list.
var editing sync.Mutex

// edit changes the list of a folder. Other processes and goroutines wait meanwhile.
func edit(dir string, change func(List) error) error {
	editing.Lock()
	defer editing.Unlock()
	if !strings.HasPrefix(filepath.Base(dir), atomicfile.Prefix) { // otherwise this process has locked the folder
		lock, err := os.Open(dir)
		if err != nil {
			return err
		}
		defer lock.Close()
		// On a file system without locks concurrent writers may lose a line.
		_ = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX)
	}
	l, err := Read(dir)
	if err != nil {
		return err
	}
	if l == nil {
		l = List{}
	}
	if err := change(l); err != nil {
		return err
	}
	return l.write(dir)
}

// Tree returns the regular files below a folder, relative to it, with slashes. It leaves out lists,
// lock files, unfinished files, and folders with their own list.
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
		if name == File || atomicfile.IsTemporary(name) {
			return nil
		}
		rel, err := filepath.Rel(dir, path)
		names = append(names, filepath.ToSlash(rel))
		return err
	})
	return names, err
}
