package page

import (
	"fmt"
	"math"

	"oscar/metric"
)

// maxConfusions is the maximum number of class pairs in the list that replaces a large matrix.
const maxConfusions = 30

// Matrix returns the confusion matrix: a row for each true class, with cells colored by their share
// of the row. With more than [metric.MostClasses] classes it returns a list of the most frequent
// confusions.
func Matrix(c *metric.Confusion) Table {
	if len(c.Classes) > metric.MostClasses {
		return confusions(c)
	}
	t := Table{
		Caption: "Images by true class (rows) and predicted class (columns)",
		Corner:  "true \\ predicted", Dense: true,
		Legend: List{"Blue: correct; orange: wrong. The deeper the color, the larger the share of the row."},
	}
	for i, class := range c.Classes {
		t.Columns = append(t.Columns, Column{Name: class})
		row := Row{Name: class}
		total := sum(c.Counts[i])
		for j, n := range c.Counts[i] {
			cell := Cell{Text: fmt.Sprint(n), Tone: Bad}
			if i == j {
				cell.Tone = Good
			}
			if n == 0 {
				cell.Tone = Faint
			} else {
				cell.Level = Level(float64(n) / float64(total))
			}
			row.Cells = append(row.Cells, cell)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// confusions lists the most frequently confused pairs.
func confusions(c *metric.Confusion) Table {
	pairs := c.Confused()
	t := Table{
		Caption: fmt.Sprintf("The most frequent confusions among %d classes", len(c.Classes)),
		Corner:  "true class", Columns: []Column{{Name: "predicted", Text: true}, {Name: "images"}, {Name: "of the class"}},
	}
	for _, p := range pairs[:min(len(pairs), maxConfusions)] {
		t.Rows = append(t.Rows, Row{Name: p.Truth, Cells: []Cell{{Text: p.Predicted}, {Text: Thousands(p.Images)}, {Text: Percent(p.Share)}}})
	}
	return t
}

func sum(counts []int) (total int) {
	for _, n := range counts {
		total += n
	}
	return total
}

// PerClass returns a table of precision, recall and F1 of every class.
func PerClass(scores []metric.ClassScores) Table {
	t := Table{
		Caption: "Precision, recall and F1 of each class", Corner: "class",
		Columns: []Column{{Name: "precision"}, {Name: "recall"}, {Name: "F1"}, {Name: "images"}},
		Legend: List{
			"Precision: the share of the images predicted as the class that belong to it.",
			"Recall: the share of the images of the class that are predicted as it. F1: the harmonic mean of both.",
		},
	}
	absent := false
	for _, s := range scores {
		if s.Support == 0 { // nothing was measured; 0/0 counts as 0
			absent = true
			s.Precision, s.Recall, s.F1 = math.NaN(), math.NaN(), math.NaN()
		}
		t.Rows = append(t.Rows, Row{Name: s.Class, Cells: []Cell{
			share(s.Precision), share(s.Recall), share(s.F1), {Text: Thousands(s.Support)},
		}})
	}
	if absent {
		t.Legend = append(t.Legend, "A dash: there is no image of the class; the macro F1 counts it as 0.")
	}
	return t
}

// share returns a cell with a number from 0 to 1 and a bar.
func share(x float64) Cell {
	if math.IsNaN(x) {
		return Cell{Text: Number(x), Tone: Faint}
	}
	return Cell{Text: fmt.Sprintf("%.3f", x), Span: &Span{Low: 0, Middle: x, High: x}}
}
