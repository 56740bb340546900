package score

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// level is the significance level of a whole table.
const level = 0.05

// P returns the two-sided p-value of the difference, by Student's t with the interval's standard
// error. It is 1 if the difference is not clear ([Difference.Clear]).
func (d Difference) P(better Direction) float64 {
	if !d.Clear(better) {
		return 1
	}
	freedom := float64(d.N - 1)
	students := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: freedom}
	half := float64(d.High-d.Low) / 2
	if half == 0 {
		return 0
	}
	t := math.Abs(float64(d.Mean)) / half * students.Quantile(0.975)
	return 2 * students.CDF(-t)
}

// P returns the largest p-value of the differences to the controls, or 1 if there are none.
func (c Cell) P(better Direction) float64 {
	if len(c.Versus) == 0 {
		return 1
	}
	p := 0.0
	for _, d := range c.Versus {
		p = max(p, d.P(better))
	}
	return p
}

// Significant reports for each row and metric whether the method beats every control, at a level of
// 5 % for all cells of the table together (Holm 1979). It is false for controls.
func (t Table) Significant() [][]bool {
	type test struct {
		row, metric int
		p           float64
	}
	var tests []test
	out := make([][]bool, len(t.Rows))
	for i, row := range t.Rows {
		out[i] = make([]bool, len(t.Metrics))
		for j, cell := range row.Cells {
			if !row.Control && len(cell.Values) > 0 {
				tests = append(tests, test{i, j, cell.P(t.Metrics[j].Better)})
			}
		}
	}
	slices.SortStableFunc(tests, func(a, b test) int { return cmp.Compare(a.p, b.p) })
	for k, test := range tests {
		if test.p > level/float64(len(tests)-k) {
			break
		}
		out[test.row][test.metric] = true
	}
	return out
}
