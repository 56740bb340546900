// Package paths answers questions about file names.
package paths

import (
	"errors"
	"os"
	"path/filepath"
)

// Exists reports whether there is a file or folder at path that can be looked at.
func Exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Within reports whether path is dir or lies below it. Both are absolute, or
// relative to the same folder.
func Within(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

// Absolute returns the absolute path, or path itself in a process without a
// working folder.
func Absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// TrimError returns the cause of a file error without the operation and the
// path, for messages that name the path themselves.
func TrimError(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
