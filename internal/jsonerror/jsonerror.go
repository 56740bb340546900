// Package jsonerror describes errors of encoding/json without the names of Go types.
package jsonerror

import (
	"cmp"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
)

// Plain returns a description of an error of encoding/json. It returns other errors unchanged.
func Plain(err error) error {
	if err == nil {
		return nil
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return wrongType(cmp.Or(key(wrong), "it"), wrong)
	}
	if wrong, ok := errors.AsType[*json.SyntaxError](err); ok {
		if strings.HasPrefix(wrong.Error(), "unexpected end") {
			return errTruncated
		}
		return Syntax(wrong.Offset, wrong)
	}
	if _, name, ok := strings.Cut(err.Error(), "json: unknown field "); ok {
		return fmt.Errorf("it has an unknown key %s", name)
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errTruncated
	case errors.Is(err, io.EOF):
		return errEmpty
	}
	return err
}

// At is [Plain] for the value at a key.
func At(key string, err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return wrongType(key, wrong)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", key, Plain(err))
	}
	return nil
}

// Syntax describes what is wrong at a byte, counted from 1. A library adds to the wrong character what
// it read there, which is left out.
func Syntax(offset int64, err error) error {
	what, _, found := strings.Cut(err.Error(), "' ")
	if found {
		what += "'"
	}
	return fmt.Errorf("it is not JSON at byte %d: %s", offset, what)
}

func wrongType(key string, wrong *json.UnmarshalTypeError) error {
	return fmt.Errorf("%s is %s, want %s", key, found(wrong), wanted(wrong.Type))
}

var (
	errTruncated = errors.New("it ends in the middle of its JSON")
	errEmpty     = errors.New("it is empty")
)

// key returns the path of the value with the wrong type, such as training.epochs; it is empty for the
// whole text.
func key(wrong *json.UnmarshalTypeError) string {
	// encoding/json adds the names of embedded structs to the path. They are
	// not keys, and only they have capitals.
	return strings.Join(slices.DeleteFunc(strings.Split(wrong.Field, "."), func(key string) bool { return key != strings.ToLower(key) }), ".")
}

// found describes the value that has the wrong type.
func found(wrong *json.UnmarshalTypeError) string {
	if number, ok := strings.CutPrefix(wrong.Value, "number "); ok {
		return number
	}
	switch wrong.Value {
	case "array":
		return "a list"
	case "object":
		return "an object"
	case "bool":
		return "true or false"
	}
	return "a " + wrong.Value
}

// wanted describes the values of a type.
func wanted(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if IsText(t) {
		return "text"
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Uint8:
		return "a whole number from 0 to 255"
	case reflect.Uint, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number from 0"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	}
	return "keys with values"
}

// IsText reports whether a type unmarshals itself from a JSON text.
func IsText(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}
