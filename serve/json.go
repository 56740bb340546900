package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"oscar/internal/jsonerror"
)

// jsonWriter writes JSON with long lists of numbers. Numbers that are not finite become null.
type jsonWriter struct {
	out   []byte
	first bool // the innermost list or object is still empty
}

func (b *jsonWriter) open(bracket byte) *jsonWriter {
	b.out, b.first = append(b.out, bracket), true
	return b
}

func (b *jsonWriter) close(bracket byte) *jsonWriter {
	b.out, b.first = append(b.out, bracket), false
	return b
}

// next begins a value of a list.
func (b *jsonWriter) next() *jsonWriter {
	if !b.first {
		b.out = append(b.out, ',')
	}
	b.first = false
	return b
}

// key begins a value of an object.
func (b *jsonWriter) key(name string) *jsonWriter {
	b.next().string(name)
	b.out = append(b.out, ':')
	return b
}

func (b *jsonWriter) string(s string) {
	quoted, err := json.Marshal(s)
	if err != nil {
		quoted = []byte(`""`) // a string cannot fail
	}
	b.out = append(b.out, quoted...)
}

func (b *jsonWriter) int(v int) { b.out = strconv.AppendInt(b.out, int64(v), 10) }

func (b *jsonWriter) float(v float32) {
	if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
		b.out = append(b.out, "null"...)
		return
	}
	b.out = strconv.AppendFloat(b.out, float64(v), 'g', -1, 32)
}

// floats writes a list of numbers, or a list of rows if there are more values than columns.
func (b *jsonWriter) floats(values []float32, columns int) {
	b.open('[')
	for i, v := range values {
		if columns < len(values) && i%columns == 0 {
			b.next().open('[')
		}
		b.next().float(v)
		if columns < len(values) && i%columns == columns-1 {
			b.close(']')
		}
	}
	b.close(']')
}

func (b *jsonWriter) send(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.Write(append(b.out, '\n'))
}

// kindName describes a kind of JSON for an error.
func kindName(kind jsontext.Kind) string {
	switch kind {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null"
	case '}', ']':
		return "an end"
	}
	return "something else"
}

// plainJSONError describes an error of jsontext in the words of [jsonerror.Plain].
func plainJSONError(err error) error {
	wrong, ok := errors.AsType[*jsontext.SyntacticError](err)
	if !ok || errors.Is(err, io.ErrUnexpectedEOF) {
		return jsonerror.Plain(err)
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return fmt.Errorf("it has the key %q twice", wrong.JSONPointer.LastToken())
	}
	return jsonerror.Syntax(wrong.ByteOffset+1, wrong.Err)
}
