package page

import (
	"fmt"
	"strings"
)

// Table is rows by columns. A wide one scrolls within its own box.
type Table struct {
	Caption string // what it shows; those who cannot see it hear it first
	Corner  string // above the names of the rows
	Columns []Column
	Rows    []Row
	Legend  List // what marks and colours mean
	Dense   bool // many narrow columns, as of a matrix
}

// Column is the head of a column.
type Column struct {
	Name string
	Note string // small, below: a unit, or which way is better
	Text bool   // holds words, not numbers
}

// Row is a name with a cell for each column.
type Row struct {
	Name  string
	Note  string // small, below
	Cells []Cell
	Apart bool // a line above sets it and those that follow apart
}

// Cell is a place of a table.
type Cell struct {
	Text  string
	Note  string // small, below: an interval
	Tone  Tone
	Level int    // how strong the tone is, 0 (none) to [levels]
	Mark  string // a sign behind the text: "*"
	Means string // the mark in words, for those who hear the table
	Span  *Span  // drawn below the text
}

// Tone is what the colour of a cell says.
type Tone string

// The tones. Blue and orange are told apart by everyone.
const (
	Plain Tone = ""
	Good  Tone = "good" // blue
	Bad   Tone = "bad"  // orange
	Faint Tone = "faint"
)

// levels is how many strengths a tone has.
const levels = 6

// Span is a range on the column's scale, 0 to 1, with its middle.
type Span struct{ Low, Middle, High float64 }

func (Table) template() string { return "table" }

// Turned is the table with its rows as columns; corner is above their new names.
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

// Class is what the style sheet knows the cell by; words says that its column
// holds words.
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

// Level is a strength for a share, 0 to 1: none for 0, otherwise 1 to [levels].
func Level(share float64) int {
	if !(share > 0) {
		return 0
	}
	return min(1+int(share*levels), levels)
}
