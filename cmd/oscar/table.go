package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// grid is a table for the terminal. If it is too wide, its widest column is wrapped. If this is not
// enough, the columns that do not fit follow in blocks below, each with the first column.
type grid struct {
	to         io.Writer
	width      int // columns of the terminal; 0: unlimited
	headers    []table.Row
	rows       []table.Row
	separators map[int]bool // before a row
	right      []any        // headers of right-aligned columns
	symbols    symbols
}

func newTable(w io.Writer) *grid {
	return &grid{to: w, width: terminalWidth(os.Stdout), separators: map[int]bool{}, symbols: drawn}
}

func (g *grid) AppendHeader(r table.Row) { g.headers = append(g.headers, r) }
func (g *grid) AppendRow(r table.Row)    { g.rows = append(g.rows, r) }
func (g *grid) AppendSeparator()         { g.separators[len(g.rows)] = true }

// alignRight aligns the columns with these headers to the right.
func (g *grid) alignRight(headers ...any) { g.right = append(g.right, headers...) }

// cellPadding is the width that a column needs in addition to its text.
const cellPadding = 2

// shortestWrap is the minimum width of a wrapped column.
const shortestWrap = 24

// Render writes the table.
func (g *grid) Render() {
	widths := g.widths()
	columns := make([]int, len(widths))
	for i := range columns {
		columns[i] = i
	}
	if over := total(widths) - g.width; g.width > 0 && over > 0 {
		widest := 0
		for i, w := range widths {
			if w > widths[widest] {
				widest = i
			}
		}
		if widths[widest]-over >= shortestWrap {
			widths[widest] -= over
		}
		for i := range widths { // the columns that fit next to the first
			most := g.width/2 - cellPadding
			if i > 0 {
				most = g.width - widths[0] - 2*cellPadding
			}
			widths[i] = min(widths[i], most)
		}
	}
	for block, first := 0, 1; block == 0 || first < len(columns); block++ {
		end, used := first, widths[0]+cellPadding
		for end < len(columns) && (g.width == 0 || end == first || used+widths[end]+cellPadding <= g.width) {
			used += widths[end] + cellPadding
			end++
		}
		if block > 0 {
			fmt.Fprintln(g.to)
		}
		g.block(append([]int{0}, columns[first:end]...), widths)
		first = end
	}
}

// total returns the width of a table.
func total(widths []int) int {
	sum := 0
	for _, w := range widths {
		sum += w + cellPadding
	}
	return sum
}

// widths returns the width of each column's longest line.
func (g *grid) widths() []int {
	var widths []int
	for _, r := range append(append([]table.Row{}, g.headers...), g.rows...) {
		for i, cell := range r {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			for line := range strings.SplitSeq(fmt.Sprint(cell), "\n") {
				widths[i] = max(widths[i], text.StringWidthWithoutEscSequences(line))
			}
		}
	}
	return widths
}

// block writes a block of columns.
func (g *grid) block(columns, widths []int) {
	t := table.NewWriter()
	t.SetOutputMirror(g.to)
	style := table.StyleLight
	if g.symbols.plain {
		style = table.StyleDefault
	}
	style.Format.Header = text.FormatDefault
	style.Options.DrawBorder = false
	style.Options.SeparateColumns = false
	t.SetStyle(style)
	pick := func(r table.Row) (out table.Row) {
		for _, i := range columns {
			if i < len(r) {
				out = append(out, r[i])
			}
		}
		return out
	}
	var configs []table.ColumnConfig
	for at, i := range columns {
		c := table.ColumnConfig{Number: at + 1, WidthMax: widths[i], WidthMaxEnforcer: wrapCell}
		for _, h := range g.headers {
			for _, name := range g.right {
				if i < len(h) && h[i] == name {
					c.Align, c.AlignHeader = text.AlignRight, text.AlignRight
				}
			}
		}
		configs = append(configs, c)
	}
	t.SetColumnConfigs(configs)
	for _, h := range g.headers {
		t.AppendHeader(pick(h))
	}
	for n, r := range g.rows {
		if g.separators[n] {
			t.AppendSeparator()
		}
		t.AppendRow(pick(r))
	}
	t.Render()
}

// wrapCell wraps a cell. Unlike text.WrapSoft it does not fill lines with spaces, which would stand at
// the end of lines that are aligned to the right.
func wrapCell(cell string, width int) string {
	lines := strings.Split(text.WrapSoft(cell, width), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n")
}
