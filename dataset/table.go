package dataset

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"oscar/internal/named"
	"oscar/internal/paths"
	"oscar/internal/text"
)

// Columns are the names of a table's columns. "" is the first of the usual names
// that the table has; see [UsualColumns].
type Columns struct {
	Path   string `json:"path,omitempty"`   // of an image
	Label  string `json:"label,omitempty"`  // its class
	Part   string `json:"part,omitempty"`   // train, validation or test
	Group  string `json:"group,omitempty"`  // images of a group are kept in one part
	Weight string `json:"weight,omitempty"` // of an image in the training loss
}

// UsualColumns are the names by which columns are found, in any case, the first
// first. Path and label are needed.
var UsualColumns = []struct {
	Role  string
	Names []string
}{
	{"path", []string{"path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path", "image_id", "id"}},
	{"label", []string{"label", "class", "target", "category", "class_name"}},
	{"part", []string{"part", "split", "subset"}},
	{"group", []string{"group", "group_id"}},
	{"weight", []string{"weight", "sample_weight"}},
}

// roles lists the names in the order of UsualColumns.
func (c *Columns) roles() []*string {
	return []*string{&c.Path, &c.Label, &c.Part, &c.Group, &c.Weight}
}

// ParseColumns reads "path=file,label=breed".
func ParseColumns(s string) (c Columns, err error) {
	for field := range strings.SplitSeq(s, ",") {
		role, name, ok := strings.Cut(field, "=")
		if !ok || name == "" {
			return c, fmt.Errorf("columns %q are not of the form path=NAME,label=NAME", s)
		}
		var known []string
		for i, usual := range UsualColumns {
			known = append(known, usual.Role)
			if usual.Role == role {
				*c.roles()[i] = name
			}
		}
		if err := named.Check("column role", role, known); err != nil {
			return c, err
		}
	}
	return c, nil
}

// String is what ParseColumns reads.
func (c Columns) String() string {
	var fields []string
	for i, name := range c.roles() {
		if *name != "" {
			fields = append(fields, UsualColumns[i].Role+"="+*name)
		}
	}
	return strings.Join(fields, ",")
}

// TableOptions say how a table is read. The zero value is usable.
type TableOptions struct {
	Columns Columns
	Root    string // the folder that paths are relative to; "": that of the table
	Classes string // a file with the names of the classes; "": the labels are names
	// GroupBy is the group column if the table has a column of that name.
	GroupBy string
}

// checkUnused refuses options of tables for a folder.
func (o TableOptions) checkUnused(root string) error {
	switch {
	case o.Columns != Columns{}:
		return fmt.Errorf("columns are those of a table, and %q is none (%s)", root, strings.Join(tableKinds, ", "))
	case o.Classes != "":
		return fmt.Errorf("the classes of %q are its folders; a file of class names goes with a table (%s)", root, strings.Join(tableKinds, ", "))
	}
	return nil
}

// A TableSource is the table that named the images of a split.
type TableSource struct {
	Path    string  `json:"path"`
	SHA256  string  `json:"sha256"` // of its content
	Columns Columns `json:"columns"`
}

// tableKinds are the suffixes of tables.
var tableKinds = []string{".csv", ".tsv", ".jsonl", ".ndjson"}

// IsTable reports whether a path is that of a table, by its suffix.
func IsTable(path string) bool {
	return slices.Contains(tableKinds, strings.ToLower(filepath.Ext(path)))
}

// A tableRow has the cells of the columns in the order of UsualColumns.
type tableRow struct {
	line  int
	cells [5]string
}

// listTable lists the images that a table names.
func listTable(table string, opts TableOptions) (*Folder, listing, error) {
	fail := func(err error) (*Folder, listing, error) {
		return nil, listing{}, fmt.Errorf("table %s: %w", table, err)
	}
	root := cmp.Or(opts.Root, filepath.Dir(table))
	if info, err := os.Stat(root); err != nil {
		return nil, listing{}, fmt.Errorf("cannot read image folder %q: %w", root, bare(err))
	} else if !info.IsDir() {
		return nil, listing{}, fmt.Errorf("%q is a file: the root of a table is a folder", root)
	}
	file, err := paths.Open(table)
	if err != nil {
		return nil, listing{}, err
	}
	defer file.Close()
	hash := sha256.New()
	content := io.TeeReader(file, hash)
	t := &tableReader{root: root, columns: opts.Columns, groupBy: opts.GroupBy, lines: map[string]int{}, folders: map[string]*nameIndex{}}
	if t.absolute, err = filepath.Abs(root); err != nil {
		return fail(err)
	}
	read := t.csvRows
	if strings.HasSuffix(strings.ToLower(filepath.Ext(table)), "json") || strings.EqualFold(filepath.Ext(table), ".jsonl") {
		read = t.jsonRows
	}
	for row, err := range read(content, strings.EqualFold(filepath.Ext(table), ".tsv")) {
		if err != nil {
			return fail(err)
		}
		if err := t.add(row); err != nil {
			return fail(err)
		}
	}
	if _, err := io.Copy(io.Discard, content); err != nil {
		return fail(err)
	}
	if len(t.list.items) == 0 {
		return fail(errors.New("it names no image"))
	}
	f := &Folder{Root: root, Source: &Source{Table: &TableSource{
		Path: paths.Absolute(table), SHA256: hex.EncodeToString(hash.Sum(nil)), Columns: t.columns,
	}}}
	if err := t.setClasses(f, opts.Classes); err != nil {
		return fail(err)
	}
	if err := t.checkFound(); err != nil {
		return fail(err)
	}
	if t.list.parts != nil {
		for part, name := range PartNames[:3] {
			if slices.Contains(t.list.parts, int8(part)) {
				f.Source.Given = append(f.Source.Given, name)
			}
		}
		if !slices.Contains(t.list.parts, 0) {
			return fail(fmt.Errorf("column %s has no image for train", t.columns.Part))
		}
	}
	f.groupBy = t.columns.Group
	if t.unlabelled > 0 {
		f.Notes = append(f.Notes, fmt.Sprintf("%s without a label and not used", text.Count(t.unlabelled, "row")))
	}
	return f, t.list, nil
}

// tableReader reads the rows of a table.
type tableReader struct {
	root, absolute string
	columns        Columns
	groupBy        string
	list           listing
	labels         []string
	lines          map[string]int // of the paths
	folders        map[string]*nameIndex
	unlabelled     int
}

// choose finds the columns among the names of a table, and returns their places, -1
// if there is none.
func (t *tableReader) choose(names []string) (places [5]int, err error) {
	if t.groupBy != "" && t.columns.Group == "" && slices.Contains(names, t.groupBy) {
		t.columns.Group = t.groupBy
	}
	for i, usual := range UsualColumns {
		column := t.columns.roles()[i]
		places[i] = -1
		if *column != "" {
			if places[i] = slices.Index(names, *column); places[i] < 0 {
				return places, named.Unknown("column", *column, names)
			}
			continue
		}
		for _, name := range usual.Names {
			if k := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, name) }); k >= 0 {
				*column, places[i] = names[k], k
				break
			}
		}
		if places[i] < 0 && i < 2 {
			return places, fmt.Errorf("no column is called %s; it has %s: name the column with --columns %s=NAME", few(usual.Names), named.Join(names), usual.Role)
		}
	}
	for i, a := range places {
		if k := slices.Index(places[:i], a); a >= 0 && k >= 0 {
			return places, fmt.Errorf("column %s is both %s and %s", names[a], UsualColumns[k].Role, UsualColumns[i].Role)
		}
	}
	return places, nil
}

// csvRows yields the rows of text with separators: tabs, or those that the first line
// has most of.
func (t *tableReader) csvRows(content io.Reader, tabs bool) iter.Seq2[tableRow, error] {
	return func(yield func(tableRow, error) bool) {
		buffer := bufio.NewReaderSize(content, 1<<16)
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
			if !yield(row, nil) {
				return
			}
		}
		if !errors.Is(err, io.EOF) {
			yield(tableRow{}, err)
		}
	}
}

// separator returns the character of which a first line has most, outside of quotes; a
// comma if it has none.
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

// skipMark skips a byte order mark, and refuses UTF-16.
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

// jsonRows yields the rows of JSON lines: an object each, of texts and numbers.
func (t *tableReader) jsonRows(content io.Reader, _ bool) iter.Seq2[tableRow, error] {
	return func(yield func(tableRow, error) bool) {
		buffer := bufio.NewReaderSize(content, 1<<16)
		if err := skipMark(buffer); err != nil {
			yield(tableRow{}, err)
			return
		}
		chosen := false
		for n := 1; ; n++ {
			line, readErr := buffer.ReadBytes('\n')
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
			if errors.Is(readErr, io.EOF) {
				return
			} else if readErr != nil {
				yield(tableRow{}, readErr)
				return
			}
		}
	}
}

func (t *tableReader) jsonRow(line []byte, chosen *bool) (row tableRow, err error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil || d.More() {
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
			return row, fmt.Errorf("%s is a list or an object, want a text or a number", *column)
		}
	}
	return row, nil
}

// add takes over a row.
func (t *tableReader) add(row tableRow) error {
	for _, cell := range row.cells {
		if !utf8.ValidString(cell) {
			return fmt.Errorf("line %d: %q is not UTF-8", row.line, cell)
		}
	}
	label := norm.NFC.String(strings.TrimSpace(row.cells[1]))
	if label == "" {
		t.unlabelled++
		return nil
	}
	if strings.ContainsFunc(label, unicode.IsControl) || len(label) > 200 {
		return fmt.Errorf("line %d: the label %.60q is no name of a class", row.line, label)
	}
	name, err := t.find(row.cells[0])
	if err != nil {
		return fmt.Errorf("line %d: %w", row.line, err)
	}
	item := Item{Path: name}
	if before, known := t.lines[name]; known {
		return fmt.Errorf("line %d: %q is in line %d already", row.line, name, before)
	}
	t.lines[name] = row.line
	if cell := strings.TrimSpace(row.cells[4]); cell != "" {
		if item.Weight, err = strconv.ParseFloat(cell, 64); err != nil || !(item.Weight > 0) || math.IsInf(item.Weight, 0) {
			return fmt.Errorf("line %d: the weight is %q, want a number above 0", row.line, cell)
		}
	}
	if t.columns.Part != "" {
		part := partOf(row.cells[2])
		if part < 0 {
			return fmt.Errorf("line %d: %s is %q, want train, validation or test", row.line, t.columns.Part, row.cells[2])
		}
		t.list.parts = append(t.list.parts, int8(part))
	}
	if t.columns.Group != "" {
		t.list.groups = append(t.list.groups, strings.TrimSpace(row.cells[3]))
	}
	t.list.items = append(t.list.items, item)
	t.labels = append(t.labels, label)
	return nil
}

// find returns the path of an image relative to the root. A name without the suffix
// of an image is completed by the one file that has it.
func (t *tableReader) find(cell string) (string, error) {
	if cell == "" || strings.ContainsRune(cell, 0) {
		return "", fmt.Errorf("%q is no path", cell)
	}
	name := filepath.ToSlash(cell)
	if strings.Contains(name, `\`) && !paths.Exists(filepath.Join(t.root, filepath.FromSlash(name))) {
		name = strings.ReplaceAll(name, `\`, "/")
	}
	name = path.Clean(name)
	if path.IsAbs(name) {
		if rel, err := filepath.Rel(t.absolute, filepath.FromSlash(name)); err == nil {
			name = filepath.ToSlash(rel)
		}
	}
	if paths.CheckLocal(name) != nil || name == "." {
		return "", fmt.Errorf("%q is outside of the root, %s: name a folder above it with --root", cell, t.root)
	}
	if imageSuffix(name) != "" {
		return name, nil
	}
	dir, base := path.Split(name)
	index, known := t.folders[dir]
	if !known {
		index = newNameIndex(filepath.Join(t.root, filepath.FromSlash(dir)))
		t.folders[dir] = index
	}
	files := index.byStem[base]
	switch {
	case index.names[base] || len(files) == 0:
		return name, nil
	case len(files) > 1:
		return "", fmt.Errorf("%q may be any of %s", cell, few(files))
	}
	return dir + files[0], nil
}

// checkFound returns an error if none of the first images is there.
func (t *tableReader) checkFound() error {
	const tried = 100
	for _, item := range t.list.items[:min(tried, len(t.list.items))] {
		if paths.Exists(filepath.Join(t.root, filepath.FromSlash(item.Path))) {
			return nil
		}
	}
	return fmt.Errorf("its images are not in %s, as %q: name their folder with --root", t.root, t.list.items[0].Path)
}

// nameIndex has the files of a folder.
type nameIndex struct {
	names  map[string]bool
	byStem map[string][]string // of images
}

func newNameIndex(dir string) *nameIndex {
	x := &nameIndex{map[string]bool{}, map[string][]string{}}
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		name := entry.Name()
		x.names[name] = true
		if suffix := imageSuffix(name); suffix != "" {
			stem := strings.TrimSuffix(name, suffix)
			x.byStem[stem] = append(x.byStem[stem], name)
		}
	}
	return x
}

// imageSuffix returns the suffix of a name if it is one of images.
func imageSuffix(name string) string {
	suffix := path.Ext(name)
	switch strings.ToLower(suffix) {
	case ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp":
		return suffix
	}
	return ""
}

// setClasses numbers the labels: by a file of names, else in their order; labels that
// are all whole numbers are sorted as such.
func (t *tableReader) setClasses(f *Folder, file string) error {
	numbers := wholeNumbers(t.labels)
	if file == "" {
		if numbers != nil {
			for i, n := range numbers {
				t.labels[i] = strconv.Itoa(n)
			}
			slices.Sort(numbers)
			for _, n := range slices.Compact(numbers) {
				f.Classes = append(f.Classes, strconv.Itoa(n))
			}
		} else {
			f.Classes = slices.Compact(slices.Sorted(slices.Values(t.labels)))
		}
	} else {
		names, err := readClasses(file)
		if err != nil {
			return err
		}
		f.Classes = names.list
		if numbers != nil && !slices.ContainsFunc(t.labels, func(l string) bool { return slices.Contains(names.list, l) }) {
			for i, n := range numbers {
				name, known := names.byNumber[n]
				if !known {
					return fmt.Errorf("line %d: label %d is none of the %d numbers of %s, %d to %d",
						t.lines[t.list.items[i].Path], n, len(names.byNumber), file, names.first, names.last)
				}
				t.labels[i] = name
			}
		}
	}
	place := map[string]int{}
	for i, name := range f.Classes {
		if _, twice := place[name]; twice {
			return fmt.Errorf("%s has the class %q twice", file, name)
		}
		place[name] = i
	}
	used := map[string]bool{}
	for i, label := range t.labels {
		class, known := place[label]
		if !known {
			return fmt.Errorf("line %d: %w", t.lines[t.list.items[i].Path], named.Unknown("class", label, f.Classes))
		}
		t.list.items[i].Class = class
		used[label] = true
	}
	return nil
}

// wholeNumbers returns the labels as numbers if all are, also as 3.0; else nil.
func wholeNumbers(labels []string) []int {
	out := make([]int, len(labels))
	for i, label := range labels {
		n, err := strconv.ParseFloat(label, 64)
		if err != nil || n != math.Trunc(n) || math.Abs(n) > 1<<31 {
			return nil
		}
		out[i] = int(n)
	}
	return out
}

// classNames are the names of a file, and their numbers.
type classNames struct {
	list        []string
	byNumber    map[int]string
	first, last int
}

// readClasses reads a file of class names: a name a line, counted from 0, or JSON: a
// list, or an object of numbers and names.
func readClasses(file string) (*classNames, error) {
	b, err := paths.ReadFile(file, paths.Settings)
	if err != nil {
		return nil, err
	}
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	c := &classNames{byNumber: map[int]string{}}
	add := func(number int, name string) error {
		name = norm.NFC.String(strings.TrimSpace(name))
		if name == "" || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) || len(name) > 200 {
			return fmt.Errorf("%s: %q is no name of a class", file, name)
		}
		c.list, c.byNumber[number] = append(c.list, name), name
		return nil
	}
	if !strings.EqualFold(filepath.Ext(file), ".json") {
		for line := range strings.Lines(strings.TrimRight(string(b), "\r\n \t")) {
			if err := add(len(c.list), line); err != nil {
				return nil, err
			}
		}
	} else {
		var list []string
		object := map[string]string{}
		if json.Unmarshal(b, &list) == nil {
			for i, name := range list {
				object[strconv.Itoa(i)] = name
			}
		} else if json.Unmarshal(b, &object) != nil {
			return nil, fmt.Errorf("%s: want a JSON list of names, or an object of numbers and names", file)
		}
		var numbers []int
		for key := range object {
			n, err := strconv.Atoi(key)
			if err != nil {
				return nil, fmt.Errorf("%s: %q is no number of a class", file, key)
			}
			numbers = append(numbers, n)
		}
		slices.Sort(numbers)
		for _, n := range numbers {
			if err := add(n, object[strconv.Itoa(n)]); err != nil {
				return nil, err
			}
		}
	}
	if len(c.list) < 1 {
		return nil, fmt.Errorf("%s names no class", file)
	}
	numbers := slices.Sorted(maps.Keys(c.byNumber))
	c.first, c.last = numbers[0], numbers[len(numbers)-1]
	return c, nil
}
