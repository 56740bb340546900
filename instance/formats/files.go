package formats

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"oscar/internal/paths"
)

// files are the files of a source folder. Their names have slashes and cannot lead out of it.
type files struct {
	path string // as given, for errors
	root *os.Root
	file string // a single annotation file; "": all files of the folder
	list []string
}

// maxFiles is the maximum number of files of a source.
const maxFiles = 5_000_000

// openFiles lists the files of a source.
func openFiles(source string) (f files, err error) {
	info, err := os.Stat(source)
	if err != nil {
		return f, fmt.Errorf("%s: %w", source, paths.TrimError(err))
	}
	f.path = source
	dir := source
	if !info.IsDir() {
		dir, f.file = filepath.Split(source)
		if dir == "" {
			dir = "."
		}
	}
	if f.root, err = os.OpenRoot(dir); err != nil {
		return f, err
	}
	err = fs.WalkDir(f.root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", source, err)
		case e.Type().IsRegular() || e.Type()&fs.ModeSymlink != 0:
			f.list = append(f.list, name)
		}
		if len(f.list) > maxFiles {
			return fmt.Errorf("%s has more than %d files", source, maxFiles)
		}
		return nil
	})
	if err != nil {
		f.root.Close()
	}
	slices.Sort(f.list)
	return f, err
}

// with returns the names with an extension, in upper or lower case.
func (f files) with(extension string) (names []string) {
	for _, name := range f.list {
		if strings.EqualFold(path.Ext(name), extension) && (f.file == "" || name == f.file) {
			names = append(names, name)
		}
	}
	return names
}

// has reports whether a file of that name exists.
func (f files) has(name string) bool {
	_, found := slices.BinarySearch(f.list, name)
	return found
}

// below reports whether a folder contains a file.
func (f files) below(dir string) bool {
	if dir == "." {
		return len(f.list) > 0
	}
	at, _ := slices.BinarySearch(f.list, dir+"/")
	return at < len(f.list) && strings.HasPrefix(f.list[at], dir+"/")
}

// isDir reports whether there is a folder of that name; it may be empty.
func (f files) isDir(name string) bool {
	info, err := f.root.Stat(filepath.FromSlash(name))
	return err == nil && info.IsDir()
}

// at returns the place of a file, for errors.
func (f files) at(name string) string {
	if name == f.file {
		return f.path
	}
	return f.path + ": " + name
}

// picture returns the path of a picture that an annotation file names, relative to dir. A path of
// another machine, such as C:\images\a.jpg, is that of the file with its last name in dir.
func (f files) picture(dir, name string) (string, error) {
	given, err := within(dir, name)
	if err == nil && f.has(given) {
		return given, nil
	}
	sibling := path.Join(dir, path.Base(strings.ReplaceAll(name, `\`, "/")))
	if f.has(sibling) {
		return sibling, nil
	}
	return "", fmt.Errorf("there is no picture %q", name)
}

// read reads a regular file of at most limit bytes. Its name may be untrusted.
func (f files) read(name string, limit int64) ([]byte, error) {
	if err := paths.CheckLocal(name); err != nil {
		return nil, err
	}
	name = filepath.FromSlash(name)
	info, err := f.root.Stat(name) // before opening: opening a pipe would block
	switch {
	case err != nil:
		return nil, fmt.Errorf("%q: %w", name, paths.TrimError(err))
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%q is not a regular file (%s)", name, info.Mode().Type())
	case info.Size() > limit:
		return nil, fmt.Errorf("%q is larger than %d bytes, the most that is read", name, limit)
	}
	file, err := f.root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", name, paths.TrimError(err))
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%q is larger than %d bytes, the most that is read", name, limit)
	}
	return b, err
}

// within joins file names to a path. It returns an error if the path leaves the source. A backslash
// counts as a slash, because some programs write paths of Windows.
func within(elements ...string) (string, error) {
	for i, e := range elements {
		elements[i] = strings.ReplaceAll(e, `\`, "/")
		if i > 0 && path.IsAbs(elements[i]) {
			return "", fmt.Errorf("%q is not a file within the folder", e)
		}
	}
	name := path.Join(elements...)
	return name, paths.CheckLocal(name)
}
