package score

import (
	"math"
	"slices"

	"oscar/explain"
)

// Spearman returns the rank correlation of two maps of the same size, or of their absolute values if
// abs is true. Equal values share their mean rank. A constant map cannot be ranked.
func Spearman(a, b explain.Grid, abs bool) Value {
	if a.Height != b.Height || a.Width != b.Width {
		return unjudged(explain.NonFinite)
	}
	for _, g := range []explain.Grid{a, b} {
		if status := rankable(g); status != explain.OK {
			return unjudged(status)
		}
	}
	return correlated(ranks(a, abs), ranks(b, abs))
}

// ranks returns the rank of every value, from 1, which a float32 holds exactly.
func ranks(g explain.Grid, abs bool) []float32 {
	values := g.Values
	if abs {
		values = make([]float32, len(g.Values))
		for i, v := range g.Values {
			values[i] = max(v, -v)
		}
	}
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		switch {
		case values[i] < values[j]:
			return -1
		case values[i] > values[j]:
			return 1
		}
		return 0
	})
	out := make([]float32, len(values))
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && values[order[to]] == values[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			out[i] = float32(from+1+to) / 2
		}
		from = to
	}
	return out
}

// correlated returns Pearson's correlation of ranks.
func correlated(a, b []float32) Value {
	middle := float64(len(a)+1) / 2
	ab, aa, bb := 0.0, 0.0, 0.0
	for i, v := range a {
		x, y := float64(v)-middle, float64(b[i])-middle
		ab += x * y
		aa += x * x
		bb += y * y
	}
	if aa == 0 || bb == 0 { // |map| can be constant although the map is not
		return unjudged(explain.Constant)
	}
	return judged(min(max(ab/math.Sqrt(aa*bb), -1), 1))
}

// compared has what comparisons need of a rankable map.
type compared struct {
	ranks, absRanks []float32
	map01           explain.Grid // scaled to 0..1
}

func newCompared(g explain.Grid) compared {
	return compared{ranks(g, false), ranks(g, true), minMax(g)}
}
