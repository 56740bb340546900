package main

import (
	"fmt"
	"strings"
	"testing"

	"oscar/metric"
	"oscar/pipeline"
	"oscar/result"
)

// A matrix that no one can read is a list of the most frequent confusions, and of the classes
// with the lowest F1.
func TestManyClasses(t *testing.T) {
	for _, n := range []int{3, metric.MostClasses, metric.MostClasses + 1, 1000} {
		var names []string
		for i := range n {
			names = append(names, fmt.Sprintf("c%03d", i))
		}
		c := metric.NewConfusion(names)
		for i := range n - 1 { // the last class has no image
			c.Counts[i][i] = 10
			c.Counts[i][(i+1)%n] = i % 7
		}
		c.Counts[1][0] = 90
		e := &pipeline.Evaluation{Confusion: c, PerClass: c.PerClass(), Images: c.Total()}
		var out strings.Builder
		printEvaluation(&out, e)
		lines := strings.Split(out.String(), "\n")
		if n <= metric.MostClasses {
			if !strings.Contains(out.String(), `true \ predicted`) || !strings.Contains(out.String(), "no images of "+names[n-1]) {
				t.Errorf("%d classes:\n%s", n, &out)
			}
			continue
		}
		share := "89 %" // 90 of the 10, 1 and 90 images of c001
		if len(lines) > 2*maxConfused+15 || !strings.Contains(lines[3], "c001") || !strings.Contains(lines[3], "c000") || !strings.Contains(lines[3], share) {
			t.Errorf("%d classes, %d lines, the first confusion is %q, want %s:\n%.2000s", n, len(lines), lines[3], share, &out)
		}
		for _, want := range []string{"the most frequent confusions: 20 of ", fmt.Sprintf("the classes with the lowest F1: 20 of %d; without images, and so 0 in the macro F1: 1", n-1), "--confusion FILE.csv"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%d classes: no %q in\n%.2000s", n, want, &out)
			}
		}
		borders := make([]result.Border, n)
		for i := range borders {
			borders[i] = result.Border{Class: names[i], Share: result.Number(i) / 1000}
		}
		if got := topByShare(borders, func(b result.Border) result.Number { return b.Share }); len(got) != maxConfused || got[0].Class != names[n-1] {
			t.Errorf("audit of %d classes shows %d rows, first %s", n, len(got), got[0].Class)
		}
	}
}
