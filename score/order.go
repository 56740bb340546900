package score

import (
	"slices"

	"oscar/explain"
)

// descending lists a map's positions by value, the largest first; positions of
// equal value in the order of the map. Every metric that removes pixels goes by
// this rank, never by a threshold: of a map that is zero at many places a
// threshold takes all of them at once.
func descending(g explain.Grid) []int {
	type position struct {
		value float32
		index int
	}
	positions := make([]position, len(g.Values))
	for i, v := range g.Values {
		positions[i] = position{v, i}
	}
	slices.SortFunc(positions, func(a, b position) int {
		switch {
		case a.value > b.value:
			return -1
		case a.value < b.value:
			return 1
		}
		return a.index - b.index
	})
	order := make([]int, len(positions))
	for i, p := range positions {
		order[i] = p.index
	}
	return order
}
