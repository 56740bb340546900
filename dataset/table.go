package dataset

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
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

// TableOptions configure how a table is read. The zero value is usable.
type TableOptions struct {
	Columns Columns
	Root    string // the folder that paths are relative to; "": the table's
	Classes string // a file with the class names; "": the labels are the names
	// GroupBy is the group column if the table has a column of this name.
	GroupBy string
}

// checkUnused returns an error if options for tables are set but the data is a folder.
func (o TableOptions) checkUnused(root string) error {
	switch {
	case o.Columns != Columns{}:
		return fmt.Errorf("columns are those of a table, and %q is none (%s)", root, strings.Join(tableKinds, ", "))
	case o.Classes != "":
		return fmt.Errorf("the classes of %q are its folders; a file of class names goes with a table (%s)", root, strings.Join(tableKinds, ", "))
	}
	return nil
}

// A TableSource is the table that lists a split's images.
type TableSource struct {
	Path    string  `json:"path"`
	SHA256  string  `json:"sha256"` // of its content
	Columns Columns `json:"columns"`
}

// tableKinds are the suffixes of tables.
var tableKinds = []string{".csv", ".tsv", ".jsonl", ".ndjson"}

// IsTable reports whether a path has the suffix of a table.
func IsTable(path string) bool {
	return slices.Contains(tableKinds, strings.ToLower(filepath.Ext(path)))
}

// listTable lists the images of a table.
func listTable(table string, opts TableOptions) (*Folder, listing, error) {
	fail := func(err error) (*Folder, listing, error) {
		return nil, listing{}, fmt.Errorf("table %s: %w", table, err)
	}
	root := cmp.Or(opts.Root, filepath.Dir(table))
	if info, err := os.Stat(root); err != nil {
		return nil, listing{}, fmt.Errorf("cannot read image folder %q: %w", root, paths.TrimError(err))
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
	if t.several != nil {
		err = t.setSeveral(f, opts.Classes)
	} else {
		err = t.setClasses(f, opts.Classes, nil)
	}
	if err != nil {
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
	if t.unlabeled > 0 {
		f.Notes = append(f.Notes, fmt.Sprintf("%s without a label and not used", text.Count(t.unlabeled, "row")))
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
	unlabeled      int
	several        *several // nil: one label per image
	of             []int    // the image of each entry of labels; nil: the same index
}

// choose finds the columns among a table's column names and returns their indices, -1 for none.
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
		if i == 1 && t.columns.Labels != "" {
			continue
		}
		for _, name := range usual.Names {
			if k := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, name) }); k >= 0 {
				*column, places[i] = names[k], k
				break
			}
		}
		if places[i] < 0 && i < 2 && (i == 0 || t.columns.Labels == "") {
			return places, fmt.Errorf("no column is called %s; it has %s: name the column with --columns %s=NAME", few(usual.Names), named.Join(names), usual.Role)
		}
	}
	for i, a := range places {
		if k := slices.Index(places[:i], a); a >= 0 && k >= 0 {
			return places, fmt.Errorf("column %s is both %s and %s", names[a], UsualColumns[k].Role, UsualColumns[i].Role)
		}
	}
	if t.columns.Labels != "" {
		err = t.chooseSeveral(names, places[:])
	}
	return places, err
}

// labelName checks the name of a class.
func labelName(label string) (string, error) {
	label = norm.NFC.String(strings.TrimSpace(label))
	if strings.ContainsFunc(label, unicode.IsControl) || len(label) > 200 || !utf8.ValidString(label) {
		return "", fmt.Errorf("the label %.60q is not the name of a class", label)
	}
	return label, nil
}

// add adds a row.
func (t *tableReader) add(row tableRow) error {
	for _, cell := range row.cells {
		if !utf8.ValidString(cell) {
			return fmt.Errorf("line %d: %q is not UTF-8", row.line, cell)
		}
	}
	label, err := labelName(row.cells[1])
	if err != nil {
		return fmt.Errorf("line %d: %w", row.line, err)
	}
	if label == "" && t.several == nil {
		t.unlabeled++
		return nil
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
	if t.several != nil {
		t.several.cells, t.several.sets = append(t.several.cells, row.labels.cell), append(t.several.sets, row.labels.set)
		return nil
	}
	t.labels = append(t.labels, label)
	return nil
}

// find returns the path of an image relative to the root. If a name lacks an image suffix and
// exactly one file fits, it adds the suffix.
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
		return "", fmt.Errorf("%q is ambiguous: %s", cell, few(files))
	}
	return dir + files[0], nil
}

// checkFound returns an error if none of the first images exists.
func (t *tableReader) checkFound() error {
	const tried = 100
	for _, item := range t.list.items[:min(tried, len(t.list.items))] {
		if paths.Exists(filepath.Join(t.root, filepath.FromSlash(item.Path))) {
			return nil
		}
	}
	return fmt.Errorf("its images are not in %s, as %q: name their folder with --root", t.root, t.list.items[0].Path)
}
