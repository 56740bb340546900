package page

import (
	"fmt"
	"strings"
)

// Table is a table. If it is too wide, it scrolls horizontally.
type Table struct {
	Caption string // description; screen readers read it first
	Corner  string // text above the names of the rows
	Columns []Column
	Rows    []Row
	Legend  List // meaning of marks and colors
	Dense   bool // many narrow columns, as in a matrix
}

// Column is the header of a column.
type Column struct {
	Name string
	Note string // small text below: a unit, or whether lower or higher is better
	Text bool   // its cells are words, not numbers
}

// Row is a name and a cell for each column.
type Row struct {
	Name  string
	Note  string // small text below
	Cells []Cell
	Apart bool // a line separates this row from the rows above
}

// Cell is a cell of a table.
type Cell struct {
	Text  string
	Note  string // small text below: an interval
	Tone  Tone
	Level int    // intensity of the tone, 0 (none) to [levels]
	Mark  string // a sign after the text: "*"
	Means string // meaning of the mark, for screen readers
	Span  *Span  // drawn below the text
}

// Tone is the meaning of a cell's color.
type Tone string

// The tones. Color-blind people can distinguish blue and orange.
const (
	Plain Tone = ""
	Good  Tone = "good" // blue
	Bad   Tone = "bad"  // orange
	Faint Tone = "faint"
)

// levels is the number of intensities of a tone.
const levels = 6

// Span is a range on the column's scale, 0 to 1, with its center.
type Span struct{ Low, Middle, High float64 }

func (Table) template() string { return "table" }

// Turned returns the transposed table; corner is the text above the new names of the rows.
func (t Table) Turned(corner string) Table {
	out := t
	out.Corner, out.Columns, out.Rows = corner, nil, nil
	for i, c := range t.Columns {
		out.Rows = append(out.Rows, Row{Name: c.Name, Note: c.Note})
		for _, r := range t.Rows {
			out.Rows[i].Cells = append(out.Rows[i].Cells, r.Cells[i])
		}
	}
	for _, r := range t.Rows {
		out.Columns = append(out.Columns, Column{Name: r.Name, Note: r.Note})
	}
	return out
}

// Class returns the cell's class in the style sheet. words is true for a column of words.
func (c Cell) Class(words bool) string {
	class := ""
	switch {
	case c.Tone == Faint:
		class = string(Faint)
	case c.Tone != Plain && c.Level > 0:
		class = fmt.Sprintf("%s%d", c.Tone, min(c.Level, levels))
	}
	if words {
		class += " words"
	}
	return strings.TrimSpace(class)
}

// Level returns the intensity for a share, 0 to 1: 0 for 0, otherwise 1 to [levels].
func Level(share float64) int {
	if !(share > 0) {
		return 0
	}
	return min(1+int(share*levels), levels)
}
