package main

import (
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/table"

	"oscar/result"
)

// In a column of a study's table all means end at the same place, with an interval below or without.
func TestMeansOfAStudyAreAligned(t *testing.T) {
	var b strings.Builder
	g := newTable(&b)
	header := table.Row{"variant", "train\naccuracy"}
	g.alignRight(header[1:]...)
	g.AppendHeader(header)
	for _, f := range []result.Figure{{Mean: 0.111}, {Mean: 0.222, Low: 0.2, High: 0.25, Interval: "seeds"}, {Mean: 0.333, Low: 0.0035, High: 0.6012, Interval: "seeds"}} {
		g.AppendRow(table.Row{"x", figureCell(result.Variant{Figures: map[string]result.Figure{"m": f}}, "m")})
	}
	g.Render()
	ends := map[int]int{}
	for line := range strings.Lines(b.String()) {
		for _, mean := range []string{"0.111", "0.222", "0.333"} {
			if before, _, ok := strings.Cut(line, mean); ok {
				ends[len(before)]++
			}
		}
	}
	if len(ends) != 1 {
		t.Errorf("the means are not aligned:\n%s", b.String())
	}
}
