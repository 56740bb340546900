package dataset

import (
	"os"
	"path"
	"strings"
)

// nameIndex has the files of a folder.
type nameIndex struct {
	names  map[string]bool
	byStem map[string][]string // of images
}

func newNameIndex(dir string) *nameIndex {
	x := &nameIndex{map[string]bool{}, map[string][]string{}}
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		name := entry.Name()
		x.names[name] = true
		if suffix := imageSuffix(name); suffix != "" {
			stem := strings.TrimSuffix(name, suffix)
			x.byStem[stem] = append(x.byStem[stem], name)
		}
	}
	return x
}

// imageSuffix returns the suffix of a name if it is an image's, else "".
func imageSuffix(name string) string {
	suffix := path.Ext(name)
	switch strings.ToLower(suffix) {
	case ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp":
		return suffix
	}
	return ""
}
