package pipeline

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"oscar/internal/atomicfile"
	"oscar/internal/paths"
	"oscar/methods"
	"oscar/result"
)

// rowJournal has the rows of slow methods of an unfinished shard, one per appended line.
// It is removed when the shard is finished.
type rowJournal struct {
	dir     string // of the results
	path    string
	byClass bool // rows name their class
	before  []Row
	file    *os.File // nil before the first row is added
}

const journalSuffix = ".journal"

func journalPath(dir string, s shard) string {
	return filepath.Join(dir, partsDir, s.part+journalSuffix)
}

// openJournal reads the rows that an interrupted process wrote for the shard.
func (m *mapper) openJournal(s shard) (*rowJournal, error) {
	j := &rowJournal{dir: m.dir, path: journalPath(m.dir, s), byClass: m.settings.Class == TargetAll}
	text, err := paths.ReadRecord(j.path)
	if errors.Is(err, os.ErrNotExist) {
		return j, nil
	} else if err != nil {
		return nil, err
	}
	whole := 0
	for line := range bytes.Lines(text) {
		rows, err := j.parse(line)
		if err != nil || !bytes.HasSuffix(line, []byte("\n")) {
			break // the last line of a killed process, or damaged
		}
		j.before = append(j.before, rows...)
		whole += len(line)
	}
	if whole < len(text) {
		return j, atomicfile.Write(j.path, text[:whole])
	}
	return j, nil
}

// parse returns the row of a line. A line has the row and the SHA-256 of row and map. A line of an
// older version has only the row.
func (j *rowJournal) parse(line []byte) ([]Row, error) {
	digest, text, ok := bytes.Cut(line, []byte(" "))
	if !ok || bytes.HasPrefix(line, []byte("{")) {
		return result.ParseRows(j.path, line)
	}
	rows, err := result.ParseRows(j.path, text)
	if err != nil || len(rows) != 1 {
		return nil, errors.Join(err, errors.New("no row"))
	}
	if want, err := j.digest(text, rows[0]); err != nil || want != string(digest) {
		return nil, errors.Join(err, errors.New("the row or its map is damaged"))
	}
	return rows, nil
}

// digest returns the SHA-256 of a row's text and map.
func (j *rowJournal) digest(text []byte, r Row) (string, error) {
	path, err := paths.Local(j.dir, r.Map)
	if err != nil {
		return "", err
	}
	b, err := paths.ReadFile(path, paths.Graph)
	h := sha256.New()
	h.Write(text)
	h.Write(b)
	return hex.EncodeToString(h.Sum(nil)), err
}

// rows returns the rows of a group for an image and a class; "" is the predicted one. It returns nil
// if one of them or its map is missing.
func (j *rowJournal) rows(image string, group []methods.At, class string) []Row {
	var out []Row
	for _, at := range group {
		i := slices.IndexFunc(j.before, func(r Row) bool {
			return r.Image == image && r.Method == at.Method && r.Layer == at.Layer && (!j.byClass || r.Target == class)
		})
		if i < 0 || !hasFile(j.dir, j.before[i].Map) {
			return nil
		}
		out = append(out, j.before[i])
	}
	return out
}

// add appends rows.
func (j *rowJournal) add(rows []Row) error {
	var text []byte
	for _, r := range rows {
		line, err := encodeRows([]Row{r})
		if err != nil {
			return err
		}
		digest, err := j.digest(line, r)
		if err != nil {
			return err
		}
		text = append(append(text, digest+" "...), line...)
	}
	var err error
	if j.file == nil {
		if j.file, err = os.OpenFile(j.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666); err != nil {
			return err
		}
	}
	_, err = j.file.Write(text)
	return err
}

func (j *rowJournal) close() {
	if j.file != nil {
		j.file.Close() // a row that did not reach the disk is computed again
	}
}

// encodeRows returns rows as JSON lines.
func encodeRows(rows []Row) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	for _, r := range rows {
		if err := encoder.Encode(r); err != nil {
			return nil, err
		}
	}
	return text.Bytes(), nil
}

// hasFile reports whether name is a regular file below dir that is not empty. After a power failure
// it may be empty. A link that leads out of dir does not count.
func hasFile(dir, name string) bool {
	path, err := paths.Local(dir, name)
	if err != nil {
		return false
	}
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Size() > 0
}

// canDraw reports whether a row's drawings are regular files below dir, or can be created.
func canDraw(dir string, r Row) bool {
	for _, name := range []string{r.Overlay, r.Sheet} {
		if name == "" {
			continue
		}
		path, err := paths.Local(dir, name)
		if err != nil {
			return false
		}
		if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
			return false
		}
	}
	return true
}

// removeIfExists removes a file if it exists.
func removeIfExists(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
