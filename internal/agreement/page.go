package agreement

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

// Made describes how a page was made.
type Made struct {
	Date      string // 2006-01-02
	Commit    string // output of git describe
	Versions  string // versions of TensorFlow and Go
	Processor string
	Later     string // a sentence about packages that were measured at another time, or ""
}

var made = regexp.MustCompile("(?s)Written by `make correctness` on (.*?), at commit\\s(.*?), with\\s(.*?), on\\s(.*?)\\.\n\n(Measured later: [^\n]*)?")

func (m Made) String() string {
	text := fmt.Sprintf("Written by `make correctness` on %s, at commit\n%s, with\n%s, on\n%s.", m.Date, m.Commit, m.Versions, m.Processor)
	if m.Later != "" {
		text += "\n\n" + m.Later
	}
	return text
}

// MadeOf reads it from a page.
func MadeOf(page string) (Made, error) {
	m := made.FindStringSubmatch(page)
	if m == nil {
		return Made{}, fmt.Errorf("%s does not say how it was made", Page)
	}
	return Made{m[1], m[2], m[3], m[4], m[5]}, nil
}

//go:embed page.tmpl
var words string

// merge joins lines that differ only in Difference, in the page's order.
func merge(lines []Line) []Line {
	at := map[Line]int{}
	var out []Line
	for _, l := range lines {
		key := l
		key.Difference = 0
		i, ok := at[key]
		if !ok {
			i = len(out)
			at[key] = i
			out = append(out, l)
		}
		out[i].Difference = max(out[i].Difference, l.Difference)
	}
	slices.SortStableFunc(out, func(a, b Line) int {
		if d := slices.Index(groups, a.Group) - slices.Index(groups, b.Group); d != 0 {
			return d
		}
		return strings.Compare(a.order(), b.order())
	})
	return out
}

// order sorts hand-made and tiny before AlexNet02.
func (l Line) order() string {
	models := []string{"", "hand-made", "tiny", "AlexNet02"}
	return fmt.Sprint(l.Subject, "\x00", slices.Index(models, l.Model)+1, l.Model, "\x00", l.Compared, "\x00", l.Oracle, l.Of, l.Bound, l.Test)
}

// Render returns the page.
func Render(lines []Line, made Made) (string, error) {
	type table struct {
		Title Group
		Lines []Line
	}
	var tables []table
	for _, l := range merge(lines) {
		if n := len(tables); n == 0 || tables[n-1].Title != l.Group {
			tables = append(tables, table{Title: l.Group})
		}
		last := &tables[len(tables)-1]
		last.Lines = append(last.Lines, l)
	}
	page, err := template.New("page").Funcs(template.FuncMap{"row": Line.row, "model": Model.row}).Parse(words)
	if err != nil {
		return "", err
	}
	models, err := readModels()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = page.Execute(&b, map[string]any{"Made": made.String(), "Tables": tables, "Header": header, "Kinked": bound(Kinked),
		"Models": models, "ModelsHeader": modelsHeader})
	return b.String(), err
}

const header = "| | model | held against | compared | largest difference | bound | test |\n|---|---|---|---|---|---|---|"

const absolute = " (absolute)"

func (l Line) row() string {
	of := " of " + l.Of
	if l.Of == "" {
		of = absolute
	}
	cells := []string{l.Subject, l.Model, l.Oracle, l.Compared, number(l.Difference) + of, bound(l.Bound), l.Test}
	return "| " + strings.Join(cells, " | ") + " |"
}

func bound(x float64) string { return strconv.FormatFloat(x, 'e', -1, 64) }

func number(x float64) string {
	if x == 0 {
		return "0"
	}
	return fmt.Sprintf("%.1e", x)
}

// Parse reads the lines of a page.
func Parse(page string) ([]Line, error) {
	var out []Line
	var group Group
	for number, text := range strings.Split(page, "\n") {
		if title, ok := strings.CutPrefix(text, "## "); ok {
			group = Group(title)
		}
		if !slices.Contains(groups, group) || !strings.HasPrefix(text, "| ") || strings.HasPrefix(text, "| |") {
			continue
		}
		cells := strings.Split(strings.TrimSuffix(strings.TrimPrefix(text, "| "), " |"), " | ")
		if len(cells) != 7 {
			return nil, fmt.Errorf("%s, line %d: %d cells, want 7", Page, number+1, len(cells))
		}
		l := Line{Group: group, Subject: cells[0], Model: cells[1], Oracle: cells[2], Compared: cells[3], Test: cells[6]}
		value, of, _ := strings.Cut(cells[4], " ")
		l.Of = strings.TrimPrefix(of, "of ")
		if " "+of == absolute {
			l.Of = ""
		}
		var err error
		if l.Difference, err = strconv.ParseFloat(value, 64); err == nil {
			l.Bound, err = strconv.ParseFloat(cells[5], 64)
		}
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", Page, number+1, err)
		}
		out = append(out, l)
	}
	return out, nil
}
