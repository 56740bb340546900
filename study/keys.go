package study

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// checkKeys reports the first key of a YAML tree that t's JSON has not, and
// what was meant. Values are left to the decoder.
func checkKeys(tree any, t reflect.Type, path string) error {
	where := cmp.Or(strings.TrimSuffix(path, "."), "the file")
	switch t.Kind() {
	case reflect.Struct:
		keys, ok := tree.(map[string]any)
		fields, known := keysOf(t)
		if !ok {
			return fmt.Errorf("%s is %v, want some of the keys %s", where, tree, strings.Join(known, ", "))
		}
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			field, ok := fields[key]
			if !ok {
				return fmt.Errorf("%s has an unknown key %q%s; have %s", where, key, meant(key, known), strings.Join(known, ", "))
			}
			if err := checkKeys(keys[key], field, path+key+"."); err != nil {
				return err
			}
		}
	case reflect.Slice:
		list, ok := tree.([]any)
		if !ok && tree != nil && t.Elem().Kind() == reflect.Struct {
			return fmt.Errorf("%s is no list; its entries begin with -", where)
		}
		for i, v := range list {
			if err := checkKeys(v, t.Elem(), fmt.Sprintf("%s%d.", path, i+1)); err != nil {
				return err
			}
		}
	}
	return nil
}

// keysOf lists a struct's JSON keys, those of embedded structs too.
func keysOf(t reflect.Type) (fields map[string]reflect.Type, known []string) {
	fields = map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields[name] = f.Type
		known = append(known, name)
	}
	return fields, known
}

// meant asks whether a known word was meant, if one is near.
func meant(word string, known []string) string {
	if len(known) == 0 {
		return ""
	}
	nearest := slices.MinFunc(known, func(a, b string) int { return distance(word, a) - distance(word, b) })
	if distance(word, nearest) > max(1, len(word)/3) {
		return ""
	}
	return fmt.Sprintf(" (%s?)", nearest)
}

// distance is Levenshtein's, capitals aside.
func distance(a, b string) int {
	a, b = strings.ToLower(a), strings.ToLower(b)
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
