// Package recipes embeds the experiments of this folder.
package recipes

import (
	"embed"
	"io/fs"
	"strings"

	"oscar/internal/named"
)

//go:embed *.yaml
var files embed.FS

// Names lists the recipes: the names of the files without .yaml, sorted.
func Names() (names []string) {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		panic(err) // of embedded files
	}
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// Read returns the YAML of a recipe.
func Read(name string) ([]byte, error) {
	if err := named.Check("recipe", name, Names()); err != nil {
		return nil, err
	}
	return files.ReadFile(name + ".yaml")
}

// About returns the lines of the comment at the top of a recipe.
func About(name string) (lines []string, err error) {
	b, err := Read(name)
	for line := range strings.Lines(string(b)) {
		text, comment := strings.CutPrefix(strings.TrimSpace(line), "#")
		if text = strings.TrimSpace(text); !comment || text == "" {
			break
		}
		lines = append(lines, text)
	}
	return lines, err
}
