package result

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"oscar/internal/checksum"
	"oscar/internal/jsonerror"
	"oscar/internal/paths"
)

// UnitsFile has the units of a planned job, one per line.
const UnitsFile = "units.jsonl"

// UnitFormat is the version of a worker's input and output lines.
const UnitFormat = 1

// Unit is a part of a planned job. Any process can run it, in any order.
type Unit struct {
	Format int    `json:"format"` // UnitFormat
	ID     string `json:"id"`     // of the unit in its folder
	Verb   string `json:"verb"`   // the job's command: explain, predict, score, study
	From   string `json:"from"`   // the folder that relative paths refer to: absolute, or the URL of a store
	Out    string `json:"out"`    // folder of the results
	Model  string `json:"model,omitempty"`

	Number int      `json:"number"`           // index, from 0
	Part   string   `json:"part,omitempty"`   // file below parts that marks the unit as finished
	Root   string   `json:"root,omitempty"`   // explain: names of results are relative to it
	Images []string `json:"images,omitempty"` // explain, predict

	// For score: the methods of the whole job, its data (also for study), and the limits of an image.
	Method    string `json:"method,omitempty"`
	Data      string `json:"data,omitempty"`
	Split     string `json:"split,omitempty"`
	Masks     string `json:"masks,omitempty"`
	MaxPixels int64  `json:"max_pixels,omitempty"`
	MaxBytes  int64  `json:"max_bytes,omitempty"`

	Cache string `json:"cache,omitempty"` // study: folder for decoded images
}

// Outcome is the result of a unit, a line of a worker's output.
type Outcome struct {
	Format   int            `json:"format"` // UnitFormat
	ID       string         `json:"id"`     // the unit's; "" if its line could not be read
	OK       bool           `json:"ok"`
	Earlier  bool           `json:"earlier"` // it was finished before
	Images   int            `json:"images"`
	Rows     int            `json:"rows"`
	Statuses map[string]int `json:"statuses,omitempty"` // rows by status
	Seconds  float64        `json:"seconds"`
	Error    string         `json:"error,omitempty"`
	Retry    bool           `json:"retry"` // whether another attempt may succeed
}

// maxUnit is the maximum length of a unit's line in bytes.
const maxUnit = 64 << 20

// ParseUnit reads a line of units.jsonl.
func ParseUnit(line []byte) (u Unit, err error) {
	var version struct{ Format int }
	if err := jsonerror.Plain(json.Unmarshal(line, &version)); err != nil {
		return u, fmt.Errorf("not a unit: %w", err)
	}
	if version.Format != UnitFormat {
		return u, fmt.Errorf("the unit has format %d, want %d: plan and worker are of different versions", version.Format, UnitFormat)
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := jsonerror.Plain(d.Decode(&u)); err != nil {
		return u, fmt.Errorf("not a unit: %w", err)
	}
	switch {
	case u.ID == "" || u.Verb == "" || u.Out == "":
		return u, errors.New("not a unit: want id, verb and out")
	case !filepath.IsAbs(u.From) && !paths.IsStore(u.From):
		return u, fmt.Errorf("unit %s: from is %q, want an absolute path, or the URL of a store", u.ID, u.From)
	case u.Number < 0:
		return u, fmt.Errorf("unit %s: number is %d, want 0 or more", u.ID, u.Number)
	case strings.ContainsAny(u.Part, `/\`) || strings.HasPrefix(u.Part, "."):
		return u, fmt.Errorf("unit %s: part is %q, want the name of a file", u.ID, u.Part)
	}
	return u, nil
}

// Lines yields the lines of r that are not empty. A line longer than maxUnit is an error.
func Lines(r io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		numbered(r, func(_ int, line []byte, err error) bool { return yield(line, err) })
	}
}

// numbered is [Lines] with line numbers, from 1.
func numbered(r io.Reader, yield func(n int, line []byte, err error) bool) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxUnit)
	n := 1
	for ; lines.Scan(); n++ {
		if line := bytes.TrimSpace(lines.Bytes()); len(line) > 0 && !yield(n, line, nil) {
			return
		}
	}
	if err := lines.Err(); err != nil {
		yield(n, nil, err)
	}
}

// Units yields the units of a folder. Two units with the same id or part are an error.
func Units(dir string) iter.Seq2[Unit, error] {
	return func(yield func(Unit, error) bool) {
		err := checksum.Check(dir, UnitsFile)
		if err != nil {
			yield(Unit{}, err)
			return
		}
		path := filepath.Join(dir, UnitsFile)
		f, err := paths.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%s has no %s; \"oscar plan\" writes one", dir, UnitsFile)
		}
		if err != nil {
			yield(Unit{}, err)
			return
		}
		defer f.Close()
		lines := map[string]int{} // by id, and by part
		numbered(f, func(n int, line []byte, err error) bool {
			var u Unit
			if err == nil {
				u, err = ParseUnit(line)
			}
			for _, name := range []string{"unit " + u.ID, "part " + u.Part} {
				if first, twice := lines[name]; twice && err == nil && name != "part " {
					err = fmt.Errorf("%s is on line %d too; plan again", name, first)
				}
				lines[name] = n
			}
			if err != nil {
				yield(Unit{}, fmt.Errorf("%s: line %d: %w", path, n, err))
				return false
			}
			return yield(u, nil)
		})
	}
}

// WriteUnits writes the units of a folder, with paths relative to the folder from.
func WriteUnits(dir, from string, units iter.Seq2[Unit, error]) error {
	return checksum.Stream(dir, UnitsFile, func(w io.Writer) error {
		buffer := bufio.NewWriterSize(w, 1<<16)
		encoder := json.NewEncoder(buffer)
		encoder.SetEscapeHTML(false)
		for u, err := range units {
			if err != nil {
				return err
			}
			u.Format, u.From = UnitFormat, from
			for _, path := range append([]string{u.From, u.Out, u.Model, u.Root, u.Data, u.Masks}, u.Images...) {
				if !utf8.ValidString(path) {
					return fmt.Errorf("%q is not valid UTF-8, so that no unit can name it; rename it, or use oscar %s without a plan", path, u.Verb)
				}
			}
			if err := encoder.Encode(u); err != nil {
				return err
			}
		}
		return buffer.Flush()
	})
}
