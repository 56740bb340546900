package paths

import (
	"os"
	"path/filepath"
)

// SizeOf returns the total size in bytes of the files that match a pattern of
// [filepath.Glob].
func SizeOf(pattern string) (size int64) {
	names, _ := filepath.Glob(pattern)
	for _, name := range names {
		if info, err := os.Stat(name); err == nil {
			size += info.Size()
		}
	}
	return size
}
