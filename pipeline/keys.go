package pipeline

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// checkKeys reports the first key of a YAML tree that t's JSON has not, and
// what it has, or the first value that has another form.
func checkKeys(tree any, t reflect.Type, path string) error {
	where := cmp.Or(strings.TrimSuffix(path, "."), "the file")
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		if _, ok := tree.(map[string]any); ok {
			return nil // it checks its own keys, and says whose they are
		}
		text, err := json.Marshal(tree)
		if err == nil {
			err = json.Unmarshal(text, reflect.New(t).Interface())
		}
		if err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
		return nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		if tree == nil {
			return nil
		}
		return checkKeys(tree, t.Elem(), path)
	case reflect.Struct:
		fields := map[string]reflect.Type{}
		var known []string
		for _, f := range reflect.VisibleFields(t) {
			if f.Anonymous {
				continue
			}
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			fields[name] = f.Type
			known = append(known, name)
		}
		keys, ok := tree.(map[string]any)
		if !ok {
			return fmt.Errorf("%s is %v, want some of the keys %s", where, tree, strings.Join(known, ", "))
		}
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			if fields[key] == nil {
				return fmt.Errorf("%s has an unknown key %q%s; have %s", where, key, meant(key, known), strings.Join(known, ", "))
			}
			if err := checkKeys(keys[key], fields[key], path+key+"."); err != nil {
				return err
			}
		}
	case reflect.Slice:
		list, ok := tree.([]any)
		if !ok {
			return nil // reading it says what is wanted
		}
		for i, v := range list {
			if err := checkKeys(v, t.Elem(), path+strconv.Itoa(i+1)+"."); err != nil {
				return err
			}
		}
	case reflect.Array:
		if list, ok := tree.([]any); !ok || len(list) != t.Len() {
			return fmt.Errorf("%s is %v, want %d values", where, tree, t.Len())
		}
	}
	return nil
}

// meant asks whether a known word was meant, if one is near.
func meant(word string, known []string) string {
	nearest := slices.MinFunc(known, func(a, b string) int { return edits(word, a) - edits(word, b) })
	if edits(word, nearest) > max(1, len(word)/3) {
		return ""
	}
	return fmt.Sprintf(" (%s?)", nearest)
}

// edits is the Levenshtein distance of two words, capitals aside.
func edits(a, b string) int {
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
