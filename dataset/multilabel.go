package dataset

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"oscar/internal/named"
	"oscar/internal/text"
)

// AllColumns, in place of the names of label columns, selects all columns without another role.
const AllColumns = "*"

// several has the label columns of a table with several labels per image: one column with lists, or
// a 0/1 column per label.
type several struct {
	list  string
	marks []string
	place int   // index of list in a line; -1: none
	where []int // indices of marks
	cells []string
	sets  [][]string // the labels of each image, if already known
}

// chooseSeveral finds the columns that Columns.Labels names among the names of a table.
func (t *tableReader) chooseSeveral(names []string, others []int) error {
	s := &several{place: -1}
	t.several = s
	asked := t.columns.Labels
	switch i := slices.Index(names, asked); {
	case t.columns.Label != "":
		return fmt.Errorf("column %s has one label an image, and %s several; name one of them", t.columns.Label, asked)
	case i >= 0:
		s.list, s.place = asked, i
		return nil
	case asked == AllColumns:
		for i, name := range names {
			if !slices.Contains(others, i) {
				s.marks = append(s.marks, name)
			}
		}
		if len(s.marks) == 0 {
			return fmt.Errorf("no column is left for labels; it has %s", named.Join(names))
		}
	default:
		s.marks = strings.Split(asked, "+")
		if len(s.marks) == 1 {
			return named.Unknown("column", asked, names)
		}
	}
	for k, name := range s.marks {
		i := slices.Index(names, name)
		if i < 0 {
			return named.Unknown("column", name, names)
		}
		if slices.Contains(s.marks[:k], name) || slices.Contains(others, i) {
			return fmt.Errorf("column %s is named twice", name)
		}
		s.where = append(s.where, i)
	}
	return nil
}

// ofLine returns the labels of a line of text.
func (s *several) ofLine(record []string) (labels rowLabels, err error) {
	if s.list != "" {
		return rowLabels{cell: record[s.place]}, nil
	}
	labels.set = []string{}
	for k, i := range s.where {
		on, err := isMarked(s.marks[k], record[i])
		if err != nil {
			return labels, err
		}
		if on {
			labels.set = append(labels.set, s.marks[k])
		}
	}
	return labels, nil
}

// ofObject returns the labels of a JSON object.
func (s *several) ofObject(object map[string]any) (labels rowLabels, err error) {
	if s.list == "" {
		labels.set = []string{}
		for _, name := range s.marks {
			text := ""
			switch v := object[name].(type) {
			case nil:
			case bool:
				text = strconv.FormatBool(v)
			case json.Number:
				text = v.String()
			default:
				text = fmt.Sprint(v)
			}
			on, err := isMarked(name, text)
			if err != nil {
				return labels, err
			}
			if on {
				labels.set = append(labels.set, name)
			}
		}
		return labels, nil
	}
	switch v := object[s.list].(type) {
	case nil:
	case string:
		labels.cell = v
	case []any:
		labels.set = []string{}
		for _, one := range v {
			switch one := one.(type) {
			case string:
				labels.set = append(labels.set, one)
			case json.Number:
				labels.set = append(labels.set, one.String())
			default:
				return labels, fmt.Errorf("%s has the label %v, want texts or numbers", s.list, one)
			}
		}
	default:
		return labels, fmt.Errorf("%s is %v, want a list of labels, or a text", s.list, v)
	}
	return labels, nil
}

// rowLabels are the labels of a row: a set, or a cell that divide splits when all rows are read.
type rowLabels struct {
	cell string
	set  []string
}

// isMarked reads a cell of 0 or 1.
func isMarked(column, cell string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(cell)) {
	case "1", "1.0", "true":
		return true, nil
	case "", "0", "0.0", "false":
		return false, nil
	}
	return false, fmt.Errorf("column %s is %.40q, want 0 or 1", column, cell)
}

// divide splits the cells of a list column into labels. The separator is the first of | ; , that
// occurs in a cell, else space. It removes brackets and quotes, as in lists that Python printed.
func (s *several) divide() (separator string) {
	for _, c := range []string{"|", ";", ",", " "} {
		if slices.ContainsFunc(s.cells, func(cell string) bool { return strings.Contains(strings.TrimSpace(cell), c) }) {
			separator = c
			break
		}
	}
	for i, cell := range s.cells {
		if s.sets[i] != nil {
			continue
		}
		s.sets[i] = []string{}
		cell = strings.TrimSpace(cell)
		if strings.HasPrefix(cell, "[") && strings.HasSuffix(cell, "]") {
			cell = cell[1 : len(cell)-1]
		}
		parts := []string{cell}
		if separator != "" {
			parts = strings.Split(cell, separator)
		}
		for _, label := range parts {
			label = strings.TrimSpace(label)
			if n := len(label); n > 1 && (label[0] == '\'' || label[0] == '"') && label[n-1] == label[0] {
				label = label[1 : n-1]
			}
			if label != "" {
				s.sets[i] = append(s.sets[i], label)
			}
		}
	}
	return separator
}

// setSeveral numbers the labels of all images.
func (t *tableReader) setSeveral(f *Folder, file string) error {
	f.MultiLabel = true
	s := t.several
	if s.list != "" {
		if separator := s.divide(); separator != "" {
			word := map[string]string{" ": "spaces", ",": "commas", ";": "semicolons", "|": "bars (|)"}[separator]
			f.Notes = append(f.Notes, fmt.Sprintf("the labels of column %s are divided by %s", s.list, word))
		}
	}
	t.labels, t.of = nil, nil
	for i, set := range s.sets {
		for _, label := range set {
			label, err := labelName(label)
			if err != nil {
				return fmt.Errorf("line %d: %w", t.lines[t.list.items[i].Path], err)
			}
			t.labels, t.of = append(t.labels, label), append(t.of, i)
		}
		t.list.items[i].Class = -1
	}
	if len(t.labels) == 0 {
		return fmt.Errorf("no image has a label")
	}
	if err := t.setClasses(f, file, s.marks); err != nil {
		return err
	}
	bare := 0
	for i := range t.list.items {
		item := &t.list.items[i]
		slices.Sort(item.Labels)
		item.Labels = slices.Compact(item.Labels)
		if len(item.Labels) == 0 {
			bare++
		}
	}
	if bare > 0 {
		f.Notes = append(f.Notes, fmt.Sprintf("%s without a label: none of the classes is in them", text.Count(bare, "image")))
	}
	return nil
}

// classesOf returns the classes of an item; with several labels per image these are its labels.
func (f *Folder) classesOf(item Item) []int {
	if f.MultiLabel {
		return item.Labels
	}
	return []int{item.Class}
}

// fewInStratum is the number of images below which a stratum is merged with others.
const fewInStratum = 10

// strata returns the folder with one class per image for dividing the images: the rarest of its
// labels. Labels that are the rarest of few images share one stratum.
func (f *Folder) strata() *Folder {
	if !f.MultiLabel {
		return f
	}
	n := len(f.Classes)
	images := make([]int, n)
	for _, item := range f.Items {
		for _, c := range item.Labels {
			images[c]++
		}
	}
	out := &Folder{Root: f.Root, Classes: append(slices.Clone(f.Classes), "(no label)", "(others)"), Grouping: f.Grouping, Items: slices.Clone(f.Items)}
	sizes := make([]int, n+2)
	for i, item := range out.Items {
		stratum := n
		for _, c := range item.Labels {
			if stratum == n || images[c] < images[stratum] {
				stratum = c
			}
		}
		out.Items[i].Class = stratum
		sizes[stratum]++
	}
	others := n + 1
	for c := range n + 1 {
		if sizes[c] > 0 && sizes[c] < fewInStratum {
			sizes[others] += sizes[c]
			sizes[c] = 0
			out.join(c, others)
		}
	}
	if sizes[others] > 0 && sizes[others] < fewInStratum {
		if most := slices.Index(sizes, slices.Max(sizes)); most != others {
			out.join(others, most)
		}
	}
	out.dropEmpty()
	return out
}

// dropEmpty removes the classes without items.
func (f *Folder) dropEmpty() {
	place := make([]int, len(f.Classes))
	for _, item := range f.Items {
		place[item.Class] = 1
	}
	var classes []string
	for c, name := range f.Classes {
		if used := place[c] > 0; used {
			place[c] = len(classes)
			classes = append(classes, name)
		}
	}
	f.Classes = classes
	for i, item := range f.Items {
		f.Items[i].Class = place[item.Class]
	}
}

// join moves the items of one class to another.
func (f *Folder) join(from, to int) {
	for i := range f.Items {
		if f.Items[i].Class == from {
			f.Items[i].Class = to
		}
	}
}

// checkParts returns an error if no training image has a label. It notes labels that are missing in
// a part.
func (s *Split) checkParts() error {
	for part, items := range [][]Item{s.Train, s.Validation, s.Test} {
		if len(items) == 0 {
			continue
		}
		var lacking []string
		for c, name := range s.Classes {
			if !slices.ContainsFunc(items, func(item Item) bool { return slices.Contains(item.Labels, c) }) {
				lacking = append(lacking, name)
			}
		}
		switch {
		case len(lacking) == 0:
		case part == 0:
			return fmt.Errorf("class %q has no image in the train part", lacking[0])
		default:
			s.Notes = append(s.Notes, fmt.Sprintf("no image of the %s part has the label %s", PartNames[part], few(lacking)))
		}
	}
	return nil
}
