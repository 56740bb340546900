// Package keyed reads settings from YAML or JSON strictly. An unknown key is an
// error that suggests the nearest known key, and every error names its key.
package keyed

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"oscar/internal/jsonerror"
	"oscar/internal/named"
)

// Parse parses YAML or JSON to maps, lists and values. An empty text is an error that shows
// the example, such as "seed: 1".
func Parse(b []byte, example string) (tree any, err error) {
	if err := Unmarshal(b, &tree); err != nil {
		return nil, err
	}
	if tree == nil {
		return nil, fmt.Errorf("%w; want keys such as %s", ErrEmpty, example)
	}
	return tree, nil
}

// ErrEmpty is the error of [Parse] for a text without keys.
var ErrEmpty = errors.New("the file is empty")

// Unmarshal parses YAML into v with the limits of [Parse]. Its errors have one line.
func Unmarshal(b []byte, v any) error {
	if err := checkText(b); err != nil {
		return err
	}
	err := yaml.Unmarshal(b, v)
	if list, ok := errors.AsType[*yaml.TypeError](err); ok {
		return errors.New(strings.Join(list.Errors, "; "))
	}
	return err
}

// maxValues is the maximum number of keys and values of a text.
const maxValues = 20_000

// checkText returns an error for a YAML text with more than 20,000 keys and values, because the
// decoding time grows with the square of their number. Numbers such as 010 are errors, too, because
// YAML reads them as octal.
func checkText(b []byte) error {
	var root yaml.Node
	if err := yaml.Unmarshal(b, &root); err != nil {
		return err
	}
	if n := count(&root); n > maxValues {
		return fmt.Errorf("the file has %d keys and values, want at most %d", n, maxValues)
	}
	return checkDecimal(&root)
}

// octal matches integers that YAML 1.1 reads as octal.
var octal = regexp.MustCompile(`^[-+]?0[0-9_]+$`)

// checkDecimal returns an error for an octal number.
func checkDecimal(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!int" && octal.MatchString(n.Value) {
		return fmt.Errorf("%s is octal in YAML; want a number without a leading 0", n.Value)
	}
	for _, child := range n.Content {
		if err := checkDecimal(child); err != nil {
			return err
		}
	}
	return nil
}

// count returns the number of nodes. An alias counts as one.
func count(n *yaml.Node) int {
	total := 1
	for _, child := range n.Content {
		total += count(child)
	}
	return total
}

// nest returns a tree with a value at a path such as training.epochs.
func nest(path string, value any) any {
	for _, key := range slices.Backward(strings.Split(path, ".")) {
		value = map[string]any{key: value}
	}
	return value
}

// Tree returns the tree of a value's JSON. Numbers keep their notation.
func Tree(v any) (tree any, err error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err = jsonerror.Plain(d.Decode(&tree))
	return tree, err
}

// Merge returns under with the values of over: maps are merged key by key, other values
// are replaced. It changes under.
func Merge(under, over any) any {
	a, ok := under.(map[string]any)
	b, also := over.(map[string]any)
	if !ok || !also {
		return over
	}
	for key, v := range b {
		a[key] = Merge(a[key], v)
	}
	return a
}

// Read sets the keys of a parsed tree in v, a pointer to a struct with JSON tags. Other
// keys keep v's values.
func Read(tree, v any) error {
	if err := Check(tree, reflect.TypeOf(v).Elem()); err != nil {
		return err
	}
	text, err := json.Marshal(tree)
	if err != nil {
		return err
	}
	return Decode(text, v)
}

// Decode parses JSON into v. Unknown keys are errors. Unlike [Read] it makes no suggestion.
func Decode(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return jsonerror.Plain(d.Decode(v))
}

// Check returns an error for the first key of a tree that the JSON of type t lacks, or the
// first value of another type.
func Check(tree any, t reflect.Type) error {
	if err := finite(tree, ""); err != nil {
		return err
	}
	return check(tree, t, "")
}

// check is Check for the tree at a path, such as "training.adam.".
func check(tree any, t reflect.Type, path string) error {
	where := cmp.Or(strings.TrimSuffix(path, "."), "the file")
	_, text := tree.(string)
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) || text && jsonerror.IsText(t) {
		if _, ok := tree.(map[string]any); ok {
			return nil // it checks its own keys, and its errors have their path
		}
		text, err := json.Marshal(tree)
		if err == nil {
			err = jsonerror.Plain(json.Unmarshal(text, reflect.New(t).Interface()))
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
		return check(tree, t.Elem(), path)
	case reflect.Struct:
		return checkStruct(tree, t, path)
	case reflect.Slice:
		list, ok := tree.([]any)
		if !ok && tree != nil && t.Elem().Kind() == reflect.Struct {
			return fmt.Errorf("%s is not a list; its entries begin with -", where)
		}
		if !ok {
			return checkValue(tree, t, where)
		}
		for i, v := range list {
			if err := check(v, t.Elem(), path+strconv.Itoa(i+1)+"."); err != nil {
				return err
			}
		}
	case reflect.Array:
		list, ok := tree.([]any)
		if !ok || len(list) != t.Len() {
			return fmt.Errorf("%s is %v, want %d values", where, tree, t.Len())
		}
	case reflect.Map:
		values, ok := tree.(map[string]any)
		if !ok {
			return checkValue(tree, t, where)
		}
		for _, key := range slices.Sorted(maps.Keys(values)) {
			if err := check(values[key], t.Elem(), path+key+"."); err != nil {
				return err
			}
		}
	case reflect.Interface:
	default:
		return checkValue(tree, t, where)
	}
	return nil
}

// checkValue returns an error if a value is of another type.
func checkValue(tree any, t reflect.Type, where string) error {
	text, err := json.Marshal(tree)
	if err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	return jsonerror.At(where, json.Unmarshal(text, reflect.New(t).Interface()))
}

// field is a key of a struct.
type field struct {
	key  string
	t    reflect.Type
	form string // form of a list, for errors; may be ""
}

// fieldsOf lists the keys of a struct, with those of embedded structs.
func fieldsOf(t reflect.Type) (fields []field) {
	for _, f := range reflect.VisibleFields(t) {
		if !f.Anonymous {
			key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if key == "-" {
				continue
			}
			fields = append(fields, field{key, f.Type, f.Tag.Get("form")})
		}
	}
	return fields
}

// Keys lists the JSON keys of a struct type, with those of embedded structs.
func Keys(t reflect.Type) (keys []string) {
	for _, f := range fieldsOf(t) {
		keys = append(keys, f.key)
	}
	return keys
}

// CheckKeys returns an error for the first key of a tree that the JSON of type t, a struct, lacks.
// Unlike [Check] it accepts values of any type.
func CheckKeys(tree any, t reflect.Type) error { return checkKeys(tree, t, "") }

// checkKeys is CheckKeys for the tree at a path, such as "image.".
func checkKeys(tree any, t reflect.Type, path string) error {
	keys, ok := tree.(map[string]any)
	if !ok || t.Kind() != reflect.Struct {
		return nil
	}
	fields, known := fieldsOf(t), Keys(t)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		i := slices.Index(known, key)
		if i < 0 {
			return unknownKey(cmp.Or(strings.TrimSuffix(path, "."), "the file"), key, known)
		}
		if err := checkKeys(keys[key], fields[i].t, path+key+"."); err != nil {
			return err
		}
	}
	return nil
}

func unknownKey(where, key string, known []string) error {
	return fmt.Errorf("%s has an unknown key %q%s; have %s", where, key, named.Suggest(key, known), strings.Join(known, ", "))
}

func checkStruct(tree any, t reflect.Type, path string) error {
	where := cmp.Or(strings.TrimSuffix(path, "."), "the file")
	fields, known := fieldsOf(t), Keys(t)
	keys, ok := tree.(map[string]any)
	if !ok {
		return fmt.Errorf("%s is %v, want some of the keys %s", where, tree, strings.Join(known, ", "))
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		i := slices.Index(known, key)
		if i < 0 {
			return unknownKey(where, key, known)
		}
		err := check(keys[key], fields[i].t, path+key+".")
		if _, list := keys[key].([]any); err != nil && !list && fields[i].form != "" {
			err = fmt.Errorf("%w as %s", err, fields[i].form)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// finite returns an error for the first number of a tree that is NaN or infinite.
func finite(tree any, path string) error {
	switch tree := tree.(type) {
	case float64:
		if math.IsNaN(tree) || math.IsInf(tree, 0) {
			return fmt.Errorf("%s is %g, want a finite number", strings.TrimSuffix(path, "."), tree)
		}
	case []any:
		for i, v := range tree {
			if err := finite(v, path+strconv.Itoa(i+1)+"."); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(tree)) {
			if err := finite(tree[key], path+key+"."); err != nil {
				return err
			}
		}
	}
	return nil
}
