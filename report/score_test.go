package report

import (
	"strings"
	"testing"

	"oscar/score"
)

// A method is named if it beats the controls in each kind of metric that decides;
// else the page says that the scores single out none.
func TestTrust(t *testing.T) {
	cell := func(better bool) score.Cell {
		d := score.Difference{Control: "random", Interval: score.Interval{Mean: 0, Low: -0.1, High: 0.1, N: 40}}
		if better {
			d.Interval = score.Interval{Mean: 1, Low: 0.9, High: 1.1, N: 40}
		}
		return score.Cell{Versus: []score.Difference{d}, Values: make([]score.Value, 40)}
	}
	row := func(name string, better ...bool) score.Row {
		r := score.Row{Method: name}
		for _, b := range better {
			r.Cells = append(r.Cells, cell(b))
		}
		return r
	}
	metric := func(name string, kind score.Kind) score.Metric {
		return score.Metric{Name: name, Kind: kind, Better: score.Higher}
	}
	table := score.Table{Metrics: []score.Metric{
		metric("a", score.Faithfulness), metric("b", score.Faithfulness), metric("c", score.Randomization), metric("d", score.Complexity)}}
	for _, c := range []struct {
		rows []score.Row
		want string
	}{
		{[]score.Row{row("x", true, true, true, false), row("y", true, false, true, true)}, "Trust x most: it beats every control in 3 of 3 metrics"},
		{[]score.Row{row("x", true, true, false, true), row("y", true, false, true, false)}, "Trust y most: it beats every control in 2 of 3 metrics"},
		{[]score.Row{row("x", false, true, true, true), row("y", true, false, true, false)}, "Trust x and y most: each beats every control in 2 metrics"},
		{[]score.Row{row("x", true, true, false, true), row("y", false, false, true, true)}, "These scores single out no method: none of the 2"},
	} {
		table.Rows = c.rows
		if got := trustOf(table).sentence(); !strings.HasPrefix(got, c.want) {
			t.Errorf("%q, want %q ...", got, c.want)
		}
	}
}
