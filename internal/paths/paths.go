// Package paths has functions for file names.
package paths

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// Exists reports whether path exists and can be accessed.
func Exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Within reports whether path is dir or is below it. Both are absolute, or
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

// Real returns the absolute path with the links in its existing part resolved.
func Real(path string) string {
	path = Absolute(path)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	if parent := filepath.Dir(path); parent != path {
		return filepath.Join(Real(parent), filepath.Base(path))
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

// Shorten returns the path with a last element of at most 200 bytes: a longer element is
// cut and gets a hash. This leaves room for a suffix within the 255 bytes of file systems.
func Shorten(path string) string {
	const most, kept = 200, 160
	dir, name := filepath.Split(path)
	if len(name) <= most {
		return path
	}
	h := sha256.Sum256([]byte(name))
	return dir + strings.ToValidUTF8(name[:kept], "") + "-" + hex.EncodeToString(h[:8])
}
