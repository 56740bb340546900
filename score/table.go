package score

import (
	"encoding/json"
	"fmt"
	"strings"

	"oscar/internal/jsonerror"
)

// Table has methods as rows and metrics as columns, and everything that is needed to compute it
// again except the model and the images. Its JSON can be read back.
type Table struct {
	Metrics  []Metric `json:"metrics"` // the columns
	Rows     []Row    `json:"rows"`    // the methods, then the controls
	Images   int      `json:"images"`
	Mosaics  int      `json:"mosaics"`
	Seed     uint64   `json:"seed"`
	Settings Settings `json:"settings"`
}

// Row is a method with a cell for each metric.
type Row struct {
	Method  string `json:"method"`
	Control bool   `json:"control,omitempty"`
	Cells   []Cell `json:"cells"`
}

// Cell is one metric of one method.
type Cell struct {
	Summary
	Layers []AtLayer    `json:"layers,omitempty"` // results of the sanity check from the logits down
	Versus []Difference `json:"versus,omitempty"` // comparisons with the controls; nil for a control
	Values []Value      `json:"values,omitempty"` // one per image or mosaic; none if the metric could not be computed
}

// AtLayer is the result of the sanity check with a layer and all layers before it in the list
// randomized.
type AtLayer struct {
	Layer string `json:"layer"`
	Summary
}

// Difference is a method minus a control, image by image: the mean over the images for which both
// could be judged. Images differ far more than methods, so the intervals of two methods overlap even
// if one is better for every image. The interval of the differences does not have this problem.
type Difference struct {
	Control string `json:"control"`
	Interval
}

// fewest is the minimum number of images for a clear difference. With five images, all on one side,
// a two-sided sign test still has p = 6 %.
const fewest = 6

// Clear reports whether the whole 95 % interval of the difference lies on the
// better side of 0, for at least six images.
func (d Difference) Clear(better Direction) bool {
	if d.N < fewest {
		return false
	}
	if better == Lower {
		return d.High < 0
	}
	return d.Low > 0
}

// Beats reports whether the difference to every control is clear
// ([Difference.Clear]). It is true if there are no controls.
func (c Cell) Beats(better Direction) bool {
	for _, d := range c.Versus {
		if !d.Clear(better) {
			return false
		}
	}
	return true
}

// Cell returns the cell of a method and a metric.
func (t Table) Cell(method, metric string) (Cell, error) {
	for _, row := range t.Rows {
		if row.Method != method {
			continue
		}
		if i := t.column(metric); i >= 0 {
			return row.Cells[i], nil
		}
		return Cell{}, fmt.Errorf("the table has no metric %q", metric)
	}
	return Cell{}, fmt.Errorf("the table has no method %q", method)
}

// PerClass names the metrics whose mean is one over classes ([Metric.PerClass]), and says so; "" if
// there are none. class tells which class of an image was explained: "predicted" or "true".
func (t Table) PerClass(class string) string {
	var names []string
	for _, m := range t.Metrics {
		if m.PerClass {
			names = append(names, m.Name)
		}
	}
	if names == nil {
		return ""
	}
	return fmt.Sprintf("%s: not over images, but the mean over the %s classes of each class's mean, as in the paper.", strings.Join(names, ", "), class)
}

// Doubt is a cell that does not beat every control.
type Doubt struct {
	Method, Metric string
	Controls       []string // the controls that it does not beat
}

// Doubts returns the cells that do not beat every control ([Cell.Beats]), row by
// row.
func (t Table) Doubts() []Doubt {
	var doubts []Doubt
	for _, row := range t.Rows {
		for i, cell := range row.Cells {
			if row.Control || len(cell.Values) == 0 {
				continue
			}
			d := Doubt{Method: row.Method, Metric: t.Metrics[i].Name}
			for _, versus := range cell.Versus {
				if !versus.Clear(t.Metrics[i].Better) {
					d.Controls = append(d.Controls, versus.Control)
				}
			}
			if d.Controls != nil {
				doubts = append(doubts, d)
			}
		}
	}
	return doubts
}

// UnmarshalJSON reads a table. It returns an error if rows and columns are inconsistent.
func (t *Table) UnmarshalJSON(data []byte) error {
	type plain Table
	var read plain
	if err := jsonerror.Plain(json.Unmarshal(data, &read)); err != nil {
		return err
	}
	for i := range read.Metrics {
		m := &read.Metrics[i]
		if known, err := Lookup(m.Name); err == nil {
			m.Reads, m.Stochastic, m.Exact = known.Reads, known.Stochastic, known.Exact
		}
	}
	for _, row := range read.Rows {
		if len(row.Cells) != len(read.Metrics) {
			return fmt.Errorf("method %q has %d cells for %d metrics", row.Method, len(row.Cells), len(read.Metrics))
		}
	}
	*t = Table(read)
	return nil
}
