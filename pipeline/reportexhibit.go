package pipeline

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"oscar/explain"
)

// exhibit is an image with its explanations.
type exhibit struct {
	rows  []Row
	truth string // the class that its folder is named after; "" if that is none
}

func (e exhibit) first() Row     { return e.rows[0] }
func (e exhibit) right() bool    { return e.first().Predicted == e.truth }
func (e exhibit) sure() float32  { return e.first().Probabilities[e.first().Predicted] }
func (e exhibit) readable() bool { return e.first().Status != Unreadable }

// ok reports whether every map shows something.
func (e exhibit) ok() bool {
	return !slices.ContainsFunc(e.rows, func(r Row) bool { return r.Status != string(explain.OK) })
}

// sight is what a map shows: a method at a layer, or at the image.
type sight struct{ method, layer string }

func sightOf(r Row) sight { return sight{r.Method, r.Layer} }

// of returns the row with the map for the predicted class, or else the first
// with such a map.
func (e exhibit) of(s sight) (Row, bool) {
	var found []Row
	for _, r := range e.rows {
		if sightOf(r) == s {
			found = append(found, r)
		}
	}
	if len(found) == 0 {
		return Row{}, false
	}
	if i := slices.IndexFunc(found, func(r Row) bool { return r.Target == r.Predicted }); i >= 0 {
		return found[i], true
	}
	return found[0], true
}

// surest inserts an image among the n that the model is surest about.
func surest(list []exhibit, e exhibit, n int) []exhibit {
	at := len(list)
	for at > 0 && list[at-1].sure() < e.sure() {
		at--
	}
	list = slices.Insert(list, at, e)
	return list[:min(len(list), n)]
}

// better keeps the first n images that are right and whose maps show something;
// until there are so many, others stand in.
func better(list []exhibit, e exhibit, n int) []exhibit {
	good := func(e exhibit) bool { return e.ok() && (e.truth == "" || e.right()) }
	at := len(list)
	for at > 0 && good(e) && !good(list[at-1]) {
		at--
	}
	list = slices.Insert(list, at, e)
	return list[:min(len(list), n)]
}

// eachImage reads a manifest, image by image: the rows of one stand together.
func eachImage(ctx context.Context, path string, each func([]Row) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewReaderSize(f, 1<<16)
	var rows []Row
	flush := func() error {
		if len(rows) == 0 {
			return nil
		}
		err := each(rows)
		rows = nil
		return err
	}
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		end := err != nil
		if len(bytes.TrimSpace(line)) > 0 {
			var r Row
			if err := json.Unmarshal(line, &r); err != nil {
				return fmt.Errorf("%s: line %d: %w", path, n, err)
			}
			if len(rows) > 0 && rows[0].Image != r.Image {
				if err := flush(); err != nil {
					return err
				}
			}
			rows = append(rows, r)
		}
		if end {
			return flush()
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// brief is the end of an image's path: its folder and its name.
func brief(path string) string {
	return filepath.ToSlash(filepath.Join(filepath.Base(filepath.Dir(path)), filepath.Base(path)))
}
