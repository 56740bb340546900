package score

import (
	"encoding/json"
	"fmt"
)

// Table is methods by metrics, with all that is needed to make it again but
// for the model and the images. Its JSON can be read back.
type Table struct {
	Metrics  []Metric `json:"metrics"` // the columns
	Rows     []Row    `json:"rows"`    // the methods, then the controls
	Images   int      `json:"images"`
	Mosaics  int      `json:"mosaics"`
	Seed     uint64   `json:"seed"`
	Settings Settings `json:"settings"`
}

// Row is what the metrics say of a method, a cell a column.
type Row struct {
	Method  string `json:"method"`
	Control bool   `json:"control,omitempty"`
	Cells   []Cell `json:"cells"`
}

// Cell is what one metric says of a method.
type Cell struct {
	Summary
	Layers []AtLayer    `json:"layers,omitempty"` // of the sanity check: what it is the mean of, from the logits down
	Versus []Difference `json:"versus,omitempty"` // the controls, none for a control
	Values []Value      `json:"values,omitempty"` // one an image, or one a mosaic; none if the metric could not be asked
}

// AtLayer is what the sanity check says where the model has forgotten a layer,
// and those before in the list.
type AtLayer struct {
	Layer string `json:"layer"`
	Summary
}

// Difference is a method less a control, image by image: the mean over the
// images at which both could be judged. Images differ far more in difficulty
// than methods do, so that the intervals of two methods overlap even if one is
// better at every image; the interval of the differences does not suffer from
// that.
type Difference struct {
	Control string `json:"control"`
	Interval
}

// fewest is the number of images from which on a difference may be clear. With
// five, all on one side, a two-sided sign test is still at 6 %.
const fewest = 6

// Clear says whether a difference lies on the better side of 0 with the whole
// of its 95 % interval, for six images at least.
func (d Difference) Clear(better Direction) bool {
	if d.N < fewest {
		return false
	}
	if better == Lower {
		return d.High < 0
	}
	return d.Low > 0
}

// Beats says whether a method is better than every control, each difference
// clear ([Difference.Clear]). It is if there are no controls.
func (c Cell) Beats(better Direction) bool {
	for _, d := range c.Versus {
		if !d.Clear(better) {
			return false
		}
	}
	return true
}

// Cell finds a cell by the names of a method and a metric.
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

// Doubt is a cell that does not beat the controls.
type Doubt struct {
	Method, Metric string
	Controls       []string // those not beaten
}

// Doubts lists the cells that do not beat every control (see [Cell.Beats]), row
// by row.
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

// UnmarshalJSON reads a table, and refuses one whose rows do not fit its
// columns.
func (t *Table) UnmarshalJSON(data []byte) error {
	type plain Table
	var read plain
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	for _, row := range read.Rows {
		if len(row.Cells) != len(read.Metrics) {
			return fmt.Errorf("method %q has %d cells for %d metrics", row.Method, len(row.Cells), len(read.Metrics))
		}
	}
	*t = Table(read)
	return nil
}
