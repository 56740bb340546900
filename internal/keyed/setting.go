package keyed

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"oscar/internal/named"
)

// Setting returns the tree of one key's value, for a struct type t. An error names the path of a key
// that is written without the one that contains it.
func Setting(path string, value any, t reflect.Type) (any, error) {
	known := Keys(t)
	if first, _, _ := strings.Cut(path, "."); !slices.Contains(known, first) {
		return nil, fmt.Errorf("no key %q%s; have %s", path, suggestPath(path, t), strings.Join(known, ", "))
	}
	return nest(path, value), nil
}

// suggestPath returns " (training.batch?)" for batch, or for a name near it.
func suggestPath(path string, t reflect.Type) string {
	all := pathsOf(t, "", 4)
	var ends, names []string
	for _, p := range all {
		if strings.HasSuffix(p, "."+path) {
			ends = append(ends, p)
		}
		names = append(names, p[strings.LastIndex(p, ".")+1:])
	}
	if len(ends) > 0 {
		return fmt.Sprintf(" (%s?)", ends[0])
	}
	if s := named.Suggest(path, all); s != "" {
		return s
	}
	if i := named.Nearest(path, names); i >= 0 {
		return fmt.Sprintf(" (%s?)", all[i])
	}
	return ""
}

// pathsOf lists the paths of the keys of a struct type, the outer ones first.
func pathsOf(t reflect.Type, prefix string, depth int) (paths []string) {
	fields := fieldsOf(t)
	for _, f := range fields {
		paths = append(paths, prefix+f.key)
	}
	for _, f := range fields {
		if f.t.Kind() == reflect.Pointer {
			f.t = f.t.Elem()
		}
		if f.t.Kind() == reflect.Struct && depth > 1 {
			paths = append(paths, pathsOf(f.t, prefix+f.key+".", depth-1)...)
		}
	}
	return paths
}
