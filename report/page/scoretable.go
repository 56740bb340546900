package page

import (
	"fmt"
	"strings"

	"oscar/score"
)

// doubtful says in words what the mark of a cell says.
const doubtful = "does not clearly beat the controls"

// ScoreTable is a table of methods for each kind of metric, the controls at the
// foot. What does not clearly beat every control is grey and has a "*".
func ScoreTable(t score.Table) []Block {
	var out []Block
	for first := 0; first < len(t.Metrics); {
		end := first
		for end < len(t.Metrics) && t.Metrics[end].Kind == t.Metrics[first].Kind {
			end++
		}
		kind := string(t.Metrics[first].Kind)
		out = append(out, Sub{
			Title:  strings.ToUpper(kind[:1]) + kind[1:],
			Blocks: []Block{Text(questions[t.Metrics[first].Kind]), scores(t, first, end)},
		})
		first = end
	}
	return out
}

// questions are what the kinds of metrics ask.
var questions = map[score.Kind]string{
	score.Faithfulness:  "Does the model use what the map points at?",
	score.Localisation:  "Does the map point at the object?",
	score.Robustness:    "Does the map stay when the image hardly changes?",
	score.Complexity:    "Does the map say it with few pixels?",
	score.Randomisation: "Does the map change when the model forgets what it learnt?",
}

// scores is the table of the metrics from first to end.
func scores(t score.Table, first, end int) Table {
	out := Table{
		Caption: fmt.Sprintf("Mean and 95 %% interval of %s", t.Metrics[first].Kind),
		Corner:  "method",
	}
	for _, m := range t.Metrics[first:end] {
		out.Columns = append(out.Columns, Column{Name: strings.ReplaceAll(m.Name, "_", " "), Note: string(m.Better) + " is better"})
	}
	for i, row := range t.Rows {
		r := Row{Name: row.Method, Apart: row.Control && (i == 0 || !t.Rows[i-1].Control)}
		if row.Control {
			r.Note = "control"
		}
		for j := first; j < end; j++ {
			r.Cells = append(r.Cells, judgement(t, row, j))
		}
		out.Rows = append(out.Rows, r)
	}
	return out
}

func judgement(t score.Table, row score.Row, column int) Cell {
	from := row.Cells[column]
	if len(from.Values) == 0 {
		return Cell{Text: "not asked", Tone: Faint}
	}
	c := Cell{Text: Number(float64(from.Mean))}
	if from.N > 1 {
		c.Note = Number(float64(from.Low)) + " to " + Number(float64(from.High))
	}
	if from.Unjudged > 0 {
		c.Note = strings.TrimPrefix(c.Note+fmt.Sprintf("\n%d of %d", from.N, from.N+from.Unjudged), "\n")
	}
	switch {
	case row.Control:
	case !from.Beats(t.Metrics[column].Better):
		c.Tone, c.Mark, c.Means = Faint, "*", doubtful
	default:
		c.Tone, c.Level = Good, 1+int(3*standing(t, column, float64(from.Mean))+0.5)
	}
	return c
}

// ScoreLegend says how to read the tables of scores.
func ScoreLegend(t score.Table) List {
	over := Count(t.Images, "image")
	if t.Mosaics > 0 {
		over += " and " + Count(t.Mosaics, "mosaic")
	}
	return List{
		"Means over " + over + ", each over its 95 % bootstrap interval.",
		"Grey, *: " + doubtful + " (" + strings.Join(controls(t), ", ") + "), compared image by image. Such a number says nothing in the method's favour.",
		"Blue: the deeper, the nearer to the best method of the column.",
		"n of m: only so many could be judged.",
	}
}

// ScoreMetrics says what each metric is, and who leads.
func ScoreMetrics(t score.Table) Table {
	out := Table{
		Caption: "The metrics, and the best method that clearly beats every control", Corner: "metric",
		Columns: []Column{{Name: "best", Text: true}, {Name: "range"}, {Name: "what it is", Text: true}, {Name: "paper", Text: true}},
	}
	for i, m := range t.Metrics {
		out.Rows = append(out.Rows, Row{Name: strings.ReplaceAll(m.Name, "_", " "), Cells: []Cell{
			leader(t, i), {Text: Number(float64(m.Low)) + " to " + Number(float64(m.High))}, {Text: m.Title}, {Text: m.Paper},
		}})
	}
	return out
}

// leader is the best method of a column.
func leader(t score.Table, column int) Cell {
	best, m := -1, t.Metrics[column]
	for i, row := range t.Rows {
		c := row.Cells[column]
		if row.Control || len(c.Values) == 0 || c.N == 0 || !c.Beats(m.Better) {
			continue
		}
		if best < 0 || m.Better.Better(float64(c.Mean), float64(t.Rows[best].Cells[column].Mean)) {
			best = i
		}
	}
	if best < 0 {
		return Cell{Text: "none", Tone: Faint}
	}
	return Cell{Text: t.Rows[best].Method}
}
