package paths

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// CheckLocal returns an error unless a name from a file stays within its folder. The name
// has slashes.
func CheckLocal(name string) error {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return fmt.Errorf("%q is not a file within the folder", name)
	}
	return nil
}

// Local returns the path of a file below dir, for a name from a file. The file need not exist. If
// the name leads out of dir, by its elements or by a symbolic link, it is an error.
func Local(dir, name string) (string, error) {
	if err := CheckLocal(name); err != nil {
		return "", err
	}
	name = filepath.FromSlash(name)
	path := filepath.Join(dir, name)
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil
	} else if err != nil {
		return "", err
	}
	defer root.Close()
	if _, err := root.Stat(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", localError(root, name, err)
	}
	return path, nil
}

// ErrOutside is the cause of an error if a symbolic link in a name leads out of the folder.
var ErrOutside = errors.New("leads out of the folder")

// localError adds the file to an error of a root, and the link that leads out of it.
func localError(root *os.Root, name string, err error) error {
	path := filepath.Join(root.Name(), name)
	if !escapes(err) {
		return fmt.Errorf("%s: %w", path, TrimError(err))
	}
	link := ""
	for _, element := range strings.Split(filepath.Clean(name), string(filepath.Separator)) {
		link = filepath.Join(link, element)
		if _, err := root.Stat(link); escapes(err) {
			break
		}
	}
	return fmt.Errorf("%s: the link %s %w; remove the link", path, filepath.Join(root.Name(), link), ErrOutside)
}

// escapes reports whether a root has refused a name. Other errors come from the system.
func escapes(err error) bool {
	if err == nil || errors.Is(err, os.ErrClosed) {
		return false
	}
	_, system := errors.AsType[syscall.Errno](err)
	return !system
}

// RemoveLocal removes a file below dir, for a name from a file. A missing file is not an error, but
// a name that leads out of dir is.
func RemoveLocal(dir, name string) error {
	if err := CheckLocal(name); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.Remove(filepath.FromSlash(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return localError(root, filepath.FromSlash(name), err)
	}
	return nil
}
