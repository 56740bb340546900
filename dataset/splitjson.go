package dataset

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"oscar/internal/jsonerror"
)

// writeJSON writes the split as encoding/json does, but item by item, so that the text of a large
// split is never in memory. With indent each value is on its own line, and HTML is not escaped.
func (s *Split) writeJSON(to io.Writer, indent bool) error {
	w := bufio.NewWriterSize(to, 1<<16)
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(!indent)
	put := func(level int, v any) error {
		if indent {
			encoder.SetIndent(strings.Repeat(" ", level), " ")
		}
		b.Reset()
		if err := encoder.Encode(v); err != nil {
			return err
		}
		_, err := w.Write(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
		return err
	}
	line := func(level int) {
		if indent {
			w.WriteString("\n" + strings.Repeat(" ", level))
		}
	}
	w.WriteByte('{')
	value, first := reflect.ValueOf(s).Elem(), true
	for i := range value.NumField() {
		field := value.Field(i)
		name, options, _ := strings.Cut(value.Type().Field(i).Tag.Get("json"), ",")
		if options == "omitempty" && field.IsZero() {
			continue
		}
		if !first {
			w.WriteByte(',')
		}
		first = false
		line(1)
		fmt.Fprintf(w, "%q:", name)
		if indent {
			w.WriteByte(' ')
		}
		if !isList(field) || field.Len() == 0 {
			if err := put(1, field.Interface()); err != nil {
				return err
			}
			continue
		}
		w.WriteByte('[')
		for k := range field.Len() {
			if k > 0 {
				w.WriteByte(',')
			}
			line(2)
			if err := put(2, field.Index(k).Interface()); err != nil {
				return err
			}
		}
		line(1)
		w.WriteByte(']')
	}
	line(0)
	w.WriteByte('}')
	if indent {
		w.WriteByte('\n')
	}
	return w.Flush()
}

// isList reports whether a field is a list of items or problems.
func isList(field reflect.Value) bool {
	return field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.Struct
}

// readJSON reads the split item by item. An unknown key is an error.
func (s *Split) readJSON(from io.Reader) error {
	decoder := json.NewDecoder(bufio.NewReaderSize(from, 1<<16))
	decoder.DisallowUnknownFields()
	if err := expect(decoder, '{'); err != nil {
		return err
	}
	value := reflect.ValueOf(s).Elem()
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return jsonerror.Plain(err)
		}
		field := reflect.Value{}
		for i := range value.NumField() {
			if name, _, _ := strings.Cut(value.Type().Field(i).Tag.Get("json"), ","); name == key {
				field = value.Field(i)
			}
		}
		switch {
		case !field.IsValid():
			return fmt.Errorf("it has an unknown key %q", key)
		case isList(field):
			err = readList(decoder, field)
		default:
			err = jsonerror.Plain(decoder.Decode(field.Addr().Interface()))
		}
		if err != nil {
			return err
		}
	}
	if err := expect(decoder, '}'); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows its end")
	}
	return nil
}

// readList reads a list of items or problems.
func readList(decoder *json.Decoder, field reflect.Value) error {
	if err := expect(decoder, '['); err != nil {
		return err
	}
	list := reflect.MakeSlice(field.Type(), 0, 0)
	for decoder.More() {
		one := reflect.New(field.Type().Elem())
		if err := jsonerror.Plain(decoder.Decode(one.Interface())); err != nil {
			return err
		}
		list = reflect.Append(list, one.Elem())
	}
	field.Set(list)
	return expect(decoder, ']')
}

// expect reads a bracket.
func expect(decoder *json.Decoder, want json.Delim) error {
	token, err := decoder.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err == nil && token != want {
		err = fmt.Errorf("it has %v, want %v", token, want)
	}
	return jsonerror.Plain(err)
}
