package score

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The p-value of a difference that is as large as its interval is half as wide is
// that of the interval, 5 %; of one twice as large it is the table's: t = 2 * 2.0227
// with 39 degrees of freedom.
func TestP(t *testing.T) {
	d := func(mean, half Number) Difference {
		return Difference{Interval: Interval{Mean: mean, Low: mean - half, High: mean + half, N: 40}}
	}
	if p := d(0.1000001, 0.1).P(Higher); math.Abs(p-0.05) > 1e-5 {
		t.Errorf("p is %g, want 0.05", p)
	}
	if p := d(0.2, 0.1).P(Higher); math.Abs(p-0.000237) > 5e-6 {
		t.Errorf("p is %g, want 0.000237", p)
	}
	if p := d(0.2, 0.1).P(Lower); p != 1 {
		t.Errorf("in the wrong direction p is %g", p)
	}
}

// Holm's procedure by hand: of four p-values 0.01, 0.015, 0.03, 0.04 the first
// passes 0.05/4, the second 0.05/3, the third fails 0.05/2, and with it the fourth.
func TestSignificant(t *testing.T) {
	table := Table{Metrics: []Metric{{Name: "a", Better: Higher}, {Name: "b", Better: Higher}}}
	students := func(p float64) Cell { // a cell with that p
		// Found by bisection of P over the width of the interval.
		low, high := 1e-6, 1.0
		var d Difference
		for range 200 {
			half := (low + high) / 2
			d = Difference{Interval: Interval{Mean: 1, Low: Number(1 - half), High: Number(1 + half), N: 30}}
			if d.P(Higher) < p {
				low = half
			} else {
				high = half
			}
		}
		return Cell{Versus: []Difference{d}, Values: []Value{{}}}
	}
	table.Rows = []Row{
		{Method: "x", Cells: []Cell{students(0.03), students(0.01)}},
		{Method: "y", Cells: []Cell{students(0.015), students(0.04)}},
		{Method: "random", Control: true, Cells: []Cell{{Values: []Value{{}}}, {Values: []Value{{}}}}},
	}
	if diff := cmp.Diff([][]bool{{false, true}, {true, false}, {false, false}}, table.Significant()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
