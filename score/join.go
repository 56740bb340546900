package score

import (
	"fmt"
	"reflect"
	"slices"

	"oscar/explain"
)

// Join joins tables of the same cases with the same seed and settings: the methods in order, then
// the controls. The result has a column for every metric of any table, in the order of [Metrics]. A
// cell without a result has no values. Each method is compared with all controls.
func Join(tables ...Table) (Table, error) {
	if len(tables) == 0 {
		return Table{}, fmt.Errorf("no tables to join")
	}
	first := tables[0]
	t := Table{Images: first.Images, Mosaics: first.Mosaics, Seed: first.Seed, Settings: first.Settings}
	for _, m := range Metrics {
		if slices.ContainsFunc(tables, func(part Table) bool { return part.column(m.Name) >= 0 }) {
			t.Metrics = append(t.Metrics, m)
		}
	}
	names := map[string]bool{}
	for _, control := range []bool{false, true} {
		for _, part := range tables {
			if part.Images != t.Images || part.Mosaics != t.Mosaics || part.Seed != t.Seed || !reflect.DeepEqual(part.Settings, t.Settings) {
				return Table{}, fmt.Errorf("tables to join judged %d images and %d mosaics with seed %d, and %d and %d with seed %d; want the same cases, seed and settings",
					t.Images, t.Mosaics, t.Seed, part.Images, part.Mosaics, part.Seed)
			}
			for _, row := range part.Rows {
				if row.Control != control {
					continue
				}
				if names[row.Method] {
					return Table{}, fmt.Errorf("two tables to join have a row %q", row.Method)
				}
				names[row.Method] = true
				joined := Row{Method: row.Method, Control: control}
				for _, m := range t.Metrics {
					cell := Cell{Summary: Summarize(nil, m.PerClass, t.Seed)}
					if i := part.column(m.Name); i >= 0 {
						cell = row.Cells[i]
						cell.Versus = nil
					}
					joined.Cells = append(joined.Cells, cell)
				}
				t.Rows = append(t.Rows, joined)
			}
		}
	}
	t.compare()
	return t, nil
}

// column returns a metric's index, or -1.
func (t Table) column(name string) int {
	return slices.IndexFunc(t.Metrics, func(m Metric) bool { return m.Name == name })
}

// compare compares every method with every control.
func (t *Table) compare() {
	for _, row := range t.Rows {
		if row.Control {
			continue
		}
		for i, metric := range t.Metrics {
			cell := &row.Cells[i]
			for _, control := range t.Rows {
				if control.Control && len(cell.Values) > 0 {
					cell.Versus = append(cell.Versus, Difference{control.Method, difference(cell.Values, control.Cells[i].Values, metric.PerClass, t.Seed)})
				}
			}
		}
	}
}

// difference summarizes the differences of values and control, image by image.
func difference(values, control []Value, perClass bool, seed uint64) Interval {
	var pairs []Value
	for i, v := range values {
		if i < len(control) && v.OK() && control[i].OK() {
			pairs = append(pairs, Value{v.Value - control[i].Value, explain.OK, v.Class})
		}
	}
	return Summarize(pairs, perClass, seed).Interval
}
