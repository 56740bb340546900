package explain_test

import (
	"math"
	"strings"
	"testing"

	"oscar/explain"
)

var (
	nan = float32(math.NaN())
	inf = float32(math.Inf(1))
)

func row(values ...float32) explain.Grid {
	return explain.Grid{Height: 1, Width: len(values), Values: values}
}

func TestStatusOf(t *testing.T) {
	for _, test := range []struct {
		name string
		grid explain.Grid
		want explain.Status
	}{
		{"positive and negative", row(-1, 0, 2), explain.OK},
		{"one positive value among zeros", row(0, 0, 1e-30), explain.OK},
		{"positive but uneven", row(1, 2), explain.OK},
		{"all zero", row(0, 0), explain.Empty},
		{"all negative", row(-1, -2), explain.Empty},
		{"one negative value everywhere", row(-1, -1), explain.Empty},
		{"minus zero", row(float32(math.Copysign(0, -1))), explain.Empty},
		{"no values", explain.Grid{}, explain.Empty},
		{"one positive value everywhere", row(3, 3, 3), explain.Constant},
		{"a single position", row(3), explain.Constant},
		{"NaN first", row(nan, 1), explain.NonFinite},
		{"NaN last", row(1, nan), explain.NonFinite},
		{"infinity", row(1, inf), explain.NonFinite},
		{"minus infinity", row(1, -inf), explain.NonFinite},
	} {
		if got := explain.StatusOf(test.grid); got != test.want {
			t.Errorf("%s: StatusOf(%v) = %s, want %s", test.name, test.grid.Values, got, test.want)
		}
	}
}

func TestRange(t *testing.T) {
	for _, test := range []struct {
		grid      explain.Grid
		low, high float32
	}{
		{explain.Grid{}, 0, 0},
		{row(5), 5, 5},
		{row(-1, 3, 2), -1, 3},
		{row(2, 3), 2, 3},
		{row(-2, -3), -3, -2},
		{row(1, -inf, inf), -inf, inf},
	} {
		low, high := test.grid.Range()
		if low != test.low || high != test.high {
			t.Errorf("Range of %v = %v, %v, want %v, %v", test.grid.Values, low, high, test.low, test.high)
		}
	}
	for _, grid := range []explain.Grid{row(nan, 1, 2), row(1, nan, 2), row(1, 2, nan)} {
		if low, high := grid.Range(); low == low || high == high {
			t.Errorf("Range of %v = %v, %v, want NaN for both", grid.Values, low, high)
		}
	}
}

func TestGridIsRowMajor(t *testing.T) {
	grid := explain.NewGrid(2, 3)
	if len(grid.Values) != 6 {
		t.Fatalf("NewGrid(2, 3) has %d values, want 6", len(grid.Values))
	}
	grid.Values[1*3+2] = 7
	if got := grid.At(1, 2); got != 7 {
		t.Errorf("At(row 1, column 2) = %v, want the last value, 7", got)
	}
}

func TestParseScore(t *testing.T) {
	for _, want := range []explain.Score{explain.Logit, explain.Probability} {
		if got, err := explain.ParseScore(string(want)); got != want || err != nil {
			t.Errorf("ParseScore(%q) = %q, %v", want, got, err)
		}
	}
	for _, bad := range []string{"", "Logit", "softmax"} {
		_, err := explain.ParseScore(bad)
		if err == nil || !strings.Contains(err.Error(), "have logit, probability") {
			t.Errorf("ParseScore(%q): error %v, want one that names the scores", bad, err)
		}
	}
}
