package result

import (
	"path/filepath"
	"slices"

	"golang.org/x/text/unicode/norm"

	"oscar/internal/paths"
)

// ClassOf returns the class of an image file by its path: the nearest folder above it with the name
// of a class, or -1. Names are compared in Unicode NFC. A relative path is relative to the working
// folder.
func ClassOf(path string, classes []string) int {
	for dir := filepath.Dir(paths.Absolute(path)); ; dir = filepath.Dir(dir) {
		name := norm.NFC.String(filepath.Base(dir))
		if i := slices.IndexFunc(classes, func(c string) bool { return norm.NFC.String(c) == name }); i >= 0 {
			return i
		}
		if dir == filepath.Dir(dir) {
			return -1
		}
	}
}
