package dataset

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"oscar/internal/paths"
)

// A tableRow has the cells of the columns in the order of UsualColumns.
type tableRow struct {
	line   int
	cells  [5]string
	labels rowLabels // with several labels per image
}

// csvRows yields the rows of text with separators: tabs, or the most frequent separator of
// the first line.
func (t *tableReader) csvRows(content io.Reader, tabs bool) iter.Seq2[tableRow, error] {
	return func(yield func(tableRow, error) bool) {
		buffer := bufio.NewReaderSize(paths.LimitRows(content), 1<<16)
		if err := skipMark(buffer); err != nil {
			yield(tableRow{}, err)
			return
		}
		r := csv.NewReader(buffer)
		r.ReuseRecord = true
		if r.Comma = '\t'; !tabs {
			head, _ := buffer.Peek(1 << 15)
			r.Comma = separator(head)
		}
		head, err := r.Read()
		if errors.Is(err, io.EOF) {
			err = errors.New("it is empty")
		}
		var places [5]int
		if err == nil {
			names := slices.Clone(head)
			for i, name := range names {
				names[i] = strings.TrimSpace(name)
			}
			places, err = t.choose(names)
		}
		for err == nil {
			var record []string
			if record, err = r.Read(); err != nil {
				break
			}
			var row tableRow
			row.line, _ = r.FieldPos(0)
			for i, place := range places {
				if place >= 0 {
					row.cells[i] = record[place]
				}
			}
			if t.several != nil {
				if row.labels, err = t.several.ofLine(record); err != nil {
					err = fmt.Errorf("line %d: %w", row.line, err)
					break
				}
			}
			if !yield(row, nil) {
				return
			}
		}
		if !errors.Is(err, io.EOF) {
			yield(tableRow{}, err)
		}
	}
}

// separator returns the most frequent separator in a first line, outside of quotes. It returns a
// comma if there is none.
func separator(head []byte) rune {
	best, most := ',', 0
	for _, c := range ",\t;|" {
		n, quoted := 0, false
		for _, b := range head {
			if b == '\n' && !quoted {
				break
			}
			if b == '"' {
				quoted = !quoted
			} else if rune(b) == c && !quoted {
				n++
			}
		}
		if n > most {
			best, most = c, n
		}
	}
	return best
}

// skipMark skips a byte order mark. UTF-16 is an error.
func skipMark(r *bufio.Reader) error {
	switch head, _ := r.Peek(3); {
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return errors.New("it is UTF-16: save it as UTF-8")
	case bytes.Equal(head, []byte("\ufeff")):
		_, err := r.Discard(3)
		return err
	}
	return nil
}

// jsonRows yields the rows of JSON lines. Each is an object of strings and numbers.
func (t *tableReader) jsonRows(content io.Reader, _ bool) iter.Seq2[tableRow, error] {
	return func(yield func(tableRow, error) bool) {
		buffer := bufio.NewReaderSize(paths.LimitLines(content), 1<<16)
		if err := skipMark(buffer); err != nil {
			yield(tableRow{}, err)
			return
		}
		chosen := false
		for n := 1; ; n++ {
			line, readErr := buffer.ReadBytes('\n')
			if readErr != nil && !errors.Is(readErr, io.EOF) {
				yield(tableRow{}, fmt.Errorf("line %d: %w", n, readErr))
				return
			}
			if line = bytes.TrimSpace(line); len(line) > 0 {
				row, err := t.jsonRow(line, &chosen)
				row.line = n
				if err != nil {
					yield(row, fmt.Errorf("line %d: %w", n, err))
					return
				}
				if !yield(row, nil) {
					return
				}
			}
			if readErr != nil {
				return
			}
		}
	}
}

func (t *tableReader) jsonRow(line []byte, chosen *bool) (row tableRow, err error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	var object map[string]any
	if d.Decode(&object) != nil || d.More() {
		return row, fmt.Errorf("not a JSON object: %.60q", line)
	}
	if !*chosen {
		if _, err := t.choose(slices.Sorted(maps.Keys(object))); err != nil {
			return row, err
		}
		*chosen = true
	}
	for i, column := range t.columns.roles() {
		switch v := object[*column].(type) {
		case nil:
		case string:
			row.cells[i] = v
		case json.Number:
			row.cells[i] = v.String()
		case bool:
			row.cells[i] = strconv.FormatBool(v)
		default:
			if _, list := v.([]any); list && column == &t.columns.Label {
				return row, fmt.Errorf("%s is a list: if images have several labels, take --columns labels=%s", *column, *column)
			}
			return row, fmt.Errorf("%s is a list or an object, want a text or a number", *column)
		}
	}
	if t.several != nil {
		row.labels, err = t.several.ofObject(object)
	}
	return row, err
}
