package paths

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// CheckLocal returns an error unless a name from a file stays within its folder. The name
// has slashes.
func CheckLocal(name string) error {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return fmt.Errorf("%q is not a file within the folder", name)
	}
	return nil
}

// Local returns the path of a file below dir whose name comes from a file. The file need
// not exist. It is an error if the name leads out of dir, by its elements or by a symbolic
// link.
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
		return "", fmt.Errorf("%s: %w", path, TrimError(err))
	}
	return path, nil
}

// RemoveLocal removes a file below dir whose name comes from a file. A missing file is
// not an error; a name that leads out of dir is.
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
		return fmt.Errorf("%s: %w", filepath.Join(dir, filepath.FromSlash(name)), TrimError(err))
	}
	return nil
}
