package page

import (
	"fmt"
	"math"
	"strings"

	"oscar/score"
)

// doubtful is the meaning of a cell's mark.
const doubtful = "not significantly better than the controls"

// ScoreTable returns a table of methods for each kind of metric, with the controls in the last rows.
// A score that does not significantly beat every control is gray and has a "*".
func ScoreTable(t score.Table) []Block {
	var out []Block
	significant := t.Significant()
	for first := 0; first < len(t.Metrics); {
		end := first
		for end < len(t.Metrics) && t.Metrics[end].Kind == t.Metrics[first].Kind {
			end++
		}
		kind := string(t.Metrics[first].Kind)
		out = append(out, Sub{
			Title:  strings.ToUpper(kind[:1]) + kind[1:],
			Blocks: []Block{Text(questions[t.Metrics[first].Kind]), scores(t, significant, first, end)},
		})
		first = end
	}
	return out
}

// questions are the questions that the kinds of metrics answer.
var questions = map[score.Kind]string{
	score.Faithfulness:  "Does the model use the pixels that the map highlights?",
	score.Localization:  "Does the map highlight the object?",
	score.Robustness:    "Is the map stable under small changes of the image?",
	score.Complexity:    "Is the map concentrated on few pixels?",
	score.Randomization: "Does the map change when the model's weights are randomized?",
}

// scores returns the table of the metrics first to end-1.
func scores(t score.Table, significant [][]bool, first, end int) Table {
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
			r.Cells = append(r.Cells, judgement(t, row, j, significant[i][j]))
		}
		out.Rows = append(out.Rows, r)
	}
	return out
}

func judgement(t score.Table, row score.Row, column int, significant bool) Cell {
	from := row.Cells[column]
	if len(from.Values) == 0 {
		return Cell{Text: "–", Note: "not computed", Tone: Faint}
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
	case !significant:
		c.Tone, c.Mark, c.Means = Faint, "*", doubtful
	default:
		c.Tone, c.Level = Good, 1+int(3*standing(t, column, float64(from.Mean))+0.5)
	}
	return c
}

// ScoreLegend explains the tables of scores. class tells which class of an image was explained, see
// [score.Table.PerClass].
func ScoreLegend(t score.Table, class string) List {
	over := Count(t.Images, "image")
	if t.Mosaics > 0 {
		over += " and " + Count(t.Mosaics, "mosaic")
	}
	means := "Means over " + over + ", with 95 % bootstrap intervals below."
	if note := t.PerClass(class); note != "" {
		means += " " + strings.ToUpper(note[:1]) + note[1:]
	}
	return List{
		means,
		"Gray, *: " + doubtful + " (" + strings.Join(controls(t), ", ") + "), compared image by image, at a level of 5 % for all scores together (Holm's correction).",
		"Blue: significantly better than all controls. The deeper the blue, the closer to the best method of the column.",
		"n of m: only n of m images could be scored.",
	}
}

// ScoreMetrics describes each metric, with the best method.
func ScoreMetrics(t score.Table) Table {
	out := Table{
		Caption: "The metrics, and the best method that significantly beats every control", Corner: "metric",
		Columns: []Column{{Name: "best", Text: true}, {Name: "range"}, {Name: "mean over", Text: true}, {Name: "what it is", Text: true}, {Name: "paper", Text: true}},
	}
	significant := t.Significant()
	for i, m := range t.Metrics {
		out.Rows = append(out.Rows, Row{Name: strings.ReplaceAll(m.Name, "_", " "), Cells: []Cell{
			leader(t, significant, i), {Text: Number(float64(m.Low)) + " to " + Number(float64(m.High))}, {Text: m.Over()}, {Text: m.Title}, {Text: m.Paper},
		}})
	}
	return out
}

// leader returns the best method of a column.
func leader(t score.Table, significant [][]bool, column int) Cell {
	best, m := -1, t.Metrics[column]
	for i, row := range t.Rows {
		c := row.Cells[column]
		if row.Control || len(c.Values) == 0 || c.N == 0 || !significant[i][column] {
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

func controls(t score.Table) (names []string) {
	for _, r := range t.Rows {
		if r.Control {
			names = append(names, r.Method)
		}
	}
	return names
}

// standing returns the position of a mean between the worst (0) and the best (1) method of its
// column.
func standing(t score.Table, column int, mean float64) float64 {
	low, high := math.Inf(1), math.Inf(-1)
	for _, row := range t.Rows {
		if v := float64(row.Cells[column].Mean); !row.Control && !math.IsNaN(v) && !math.IsInf(v, 0) {
			low, high = min(low, v), max(high, v)
		}
	}
	if !(high > low) {
		return 1
	}
	share := (mean - low) / (high - low)
	if t.Metrics[column].Better == score.Lower {
		share = 1 - share
	}
	return min(max(share, 0), 1)
}

// forgotten returns the layers of the sanity check, from the logits down, or nil if there was none.
func forgotten(t score.Table) (names []string) {
	for _, r := range t.Rows {
		for _, c := range r.Cells {
			if len(c.Layers) > 0 {
				for _, l := range c.Layers {
					names = append(names, l.Layer)
				}
				return names
			}
		}
	}
	return nil
}
