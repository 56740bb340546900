package page

import (
	"fmt"
	"strings"
	"testing"

	"oscar/metric"
	"oscar/score"
)

// The color of a cell follows its share of the row: 8 of 10 is the fifth of six
// levels, 2 of 10 the second.
func TestMatrix(t *testing.T) {
	m := Matrix(&metric.Confusion{Classes: []string{"can", "tray"}, Counts: [][]int{{8, 2}, {0, 0}}})
	var got []string
	for _, row := range m.Rows {
		for _, c := range row.Cells {
			got = append(got, c.Text+" "+c.Class(false))
		}
	}
	if want := "8 good5, 2 bad2, 0 faint, 0 faint"; strings.Join(got, ", ") != want {
		t.Errorf("%s, want %s", strings.Join(got, ", "), want)
	}
}

// A thousand classes do not make a million cells.
func TestMatrixOfManyClasses(t *testing.T) {
	c := metric.NewConfusion(nil)
	for i := range 1000 {
		c.Classes = append(c.Classes, fmt.Sprint("class", i))
		c.Counts = append(c.Counts, make([]int, 1000))
		c.Counts[i][i] = 90
		c.Counts[i][(i+1)%1000] = i / 100
	}
	m := Matrix(c)
	if len(m.Rows) != maxConfusions || len(m.Columns) != 3 {
		t.Fatalf("%d rows of %d columns", len(m.Rows), len(m.Columns))
	}
	if first := m.Rows[0]; first.Name != "class900" || first.Cells[0].Text != "class901" || first.Cells[1].Text != "9" || first.Cells[2].Text != "9.1\u202f%" {
		t.Errorf("the most frequent is %+v", first)
	}
}

func TestTurned(t *testing.T) {
	turned := Table{Corner: "variant", Columns: []Column{{Name: "can"}, {Name: "tray"}}, Rows: []Row{{Name: "base", Note: "partial", Cells: []Cell{{Text: "1"}, {Text: "2"}}}}}.Turned("class")
	if got, want := fmt.Sprint(turned.Corner, turned.Columns, turned.Rows[1].Name, turned.Rows[1].Cells[0].Text), "class[{base partial false}]tray2"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Three methods and a control on two metrics, one of which could not be asked.
func scoresOf() score.Table {
	interval := func(low, mean, high float64, n int) score.Interval {
		return score.Interval{Mean: score.Number(mean), Low: score.Number(low), High: score.Number(high), N: n}
	}
	cell := func(mean, versus float64) score.Cell {
		return score.Cell{Summary: score.Summary{Interval: interval(mean-0.1, mean, mean+0.1, 8), Unjudged: 1}, Values: make([]score.Value, 9),
			Versus: []score.Difference{{Control: "random", Interval: interval(versus-0.1, versus, versus+0.1, 8)}}}
	}
	deletion, _ := score.Lookup("deletion")
	pointing, _ := score.Lookup("pointing")
	return score.Table{Metrics: []score.Metric{deletion, pointing}, Images: 9, Rows: []score.Row{
		{Method: "good", Cells: []score.Cell{cell(0.2, -0.4), {}}},
		{Method: "fair", Cells: []score.Cell{cell(0.3, -0.3), {}}},
		{Method: "doubtful", Cells: []score.Cell{cell(0.6, 0), {}}},
		{Method: "random", Control: true, Cells: []score.Cell{cell(0.6, 0), {}}},
	}}
}

func TestScoreTable(t *testing.T) {
	blocks := ScoreTable(scoresOf())
	if len(blocks) != 2 {
		t.Fatalf("%d kinds of metric, want 2", len(blocks))
	}
	table := blocks[0].(Sub).Blocks[1].(Table)
	want := []string{
		"good 0.200 good4 0.100 to 0.300\n8 of 9 []", "fair 0.300 good3 0.200 to 0.400\n8 of 9 []",
		"doubtful 0.600* faint 0.500 to 0.700\n8 of 9 [not significantly better than the controls]", "random 0.600  0.500 to 0.700\n8 of 9 []",
	}
	for i, row := range table.Rows {
		c := row.Cells[0]
		if got := fmt.Sprintf("%s %s%s %s %s [%s]", row.Name, c.Text, c.Mark, c.Class(false), c.Note, c.Means); got != want[i] {
			t.Errorf("%q, want %q", got, want[i])
		}
		if row.Apart != (row.Name == "random") {
			t.Errorf("%s is set apart: %v", row.Name, row.Apart)
		}
	}
	if got := blocks[1].(Sub).Blocks[1].(Table).Rows[0].Cells[0].Text; got != "–" {
		t.Errorf("what was not computed says %q", got)
	}
}

// One chart a method, whose axis goes as far down as its intervals; none for
// controls.
func TestScoreLayers(t *testing.T) {
	scores := scoresOf()
	if blocks := ScoreLayers(scores); blocks != nil {
		t.Errorf("without a sanity check: %v", blocks)
	}
	at := func(layer string, low, mean, high float64) score.AtLayer {
		return score.AtLayer{Layer: layer, Summary: score.Summary{Interval: score.Interval{
			Low: score.Number(low), Mean: score.Number(mean), High: score.Number(high), N: 8}}}
	}
	scores.Metrics[0], _ = score.Lookup("sanity_rank_abs")
	for _, i := range []int{0, 3} {
		scores.Rows[i].Cells[0].Layers = []score.AtLayer{at("fc3", 0.8, 0.9, 1), at("conv1", -0.3, -0.1, 0.1)}
	}
	blocks := ScoreLayers(scores)[0].(Sub).Blocks
	charts := blocks[1].(Charts)
	if len(charts) != 1 || charts[0].Title != "good" || charts[0].Range != [2]float64{-0.4, 1} {
		t.Fatalf("charts %+v, want one of good from -0.4 to 1", charts)
	}
	if s := charts[0].Series; len(s) != 1 || s[0].Name != "rank abs" || s[0].Points[1] != (Point{2, -0.1, -0.3, 0.1}) {
		t.Errorf("lines %+v", s)
	}
	if got, want := blocks[2], Text("Forgotten: 1 fc3, 2 conv1."); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// Every metric's mean is over images, mosaics or classes, and the legend names those over classes
// and the class that groups them.
func TestScoresSayWhatTheMeanIsOver(t *testing.T) {
	for _, m := range score.Metrics {
		table := score.Table{Metrics: []score.Metric{m}, Images: 9}
		for _, class := range []string{"predicted", "true"} {
			legend := ScoreLegend(table, class)[0]
			if says := strings.Contains(legend, "mean over the "+class+" classes of each class's mean"); says != m.PerClass || says && !strings.Contains(strings.ToLower(legend), m.Name) {
				t.Errorf("%s: %q", m.Name, legend)
			}
			if note := table.PerClass(class); (note != "") != m.PerClass {
				t.Errorf("%s: %q", m.Name, note)
			}
		}
		if over := ScoreMetrics(table).Rows[0].Cells[2].Text; over != m.Over() || (over == "classes") != m.PerClass {
			t.Errorf("%s: mean over %s", m.Name, over)
		}
	}
}

func TestScoreMetricsNamesTheLeader(t *testing.T) {
	table := ScoreMetrics(scoresOf())
	if got := table.Rows[0].Cells[0].Text; got != "good" {
		t.Errorf("deletion's best is %s", got)
	}
	if got := table.Rows[1].Cells[0].Text; got != "none" {
		t.Errorf("pointing's best is %s", got)
	}
}
