package study

import (
	"embed"
	"io/fs"
	"slices"
	"strings"

	"oscar/internal/atomicfile"
	"oscar/internal/named"
)

// studies are the built-in studies, one file each.
//
//go:embed studies/*.yaml
var studies embed.FS

// example is a study file with comments, which oscar study init writes.
//
//go:embed example.yaml
var example string

// Builtins lists the names of the built-in studies.
func Builtins() []string {
	files, err := fs.Glob(studies, "studies/*.yaml")
	if err != nil {
		panic("study: " + err.Error()) // cannot happen: the pattern is valid
	}
	for i, name := range files {
		files[i] = strings.TrimSuffix(strings.TrimPrefix(name, "studies/"), ".yaml")
	}
	return files
}

// Builtin returns a built-in study.
func Builtin(name string) (Study, error) {
	text, err := builtinFile(name)
	if err != nil {
		return Study{}, err
	}
	return parse(text)
}

func builtinFile(name string) ([]byte, error) {
	if known := Builtins(); !slices.Contains(known, name) {
		return nil, named.Unknown("study", name, known)
	}
	return studies.ReadFile("studies/" + name + ".yaml")
}

// Init writes a template of a study file. If name is not "", it writes that built-in study.
func Init(name, path string) error {
	text := []byte(example)
	if name != "" {
		var err error
		if text, err = builtinFile(name); err != nil {
			return err
		}
	}
	if err := atomicfile.CheckNew(path); err != nil {
		return err
	}
	return atomicfile.Output(path, atomicfile.Bytes(text))
}
