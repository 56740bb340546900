package report

import (
	"slices"
	"testing"

	"oscar/global"
	"oscar/result"
)

// Each class with eigenvalues has a chart, all on one scale that contains every
// value; the largest gap lies on the mark.
func TestEigenvalueCharts(t *testing.T) {
	classes := []global.ClassSpRAy{
		{Class: "few", Strategies: global.Strategies{N: 3, Found: global.TooFew}},
		{Class: "one", Strategies: global.Strategies{N: 40, K: 1, GapAt: 1, Found: global.NoGap, Eigenvalues: []float64{0, 0.4, 0.5}}},
		{Class: "two", Strategies: global.Strategies{N: 41, K: 2, GapAt: 2, Found: global.ByGap, Eigenvalues: []float64{0, 0.01, 0.8}}},
	}
	charts := eigenvalues(classes)
	if len(charts) != 2 {
		t.Fatalf("%d charts for 2 classes with eigenvalues", len(charts))
	}
	for i, chart := range charts {
		c, points := classes[i+1], chart.Series[0].Points
		if len(points) != len(c.Eigenvalues) || chart.Range != charts[0].Range || chart.Range[1] <= 0.8 || chart.Marked != c.Words() {
			t.Errorf("%s has the chart %+v", c.Class, chart)
		}
		widest := 1
		for k := range points[1:] {
			if points[k+1].Y-points[k].Y > points[widest].Y-points[widest-1].Y {
				widest = k + 1
			}
		}
		if chart.Mark <= points[widest-1].X || chart.Mark >= points[widest].X {
			t.Errorf("%s is marked at %g, the largest gap is from %g to %g", c.Class, chart.Mark, points[widest-1].X, points[widest].X)
		}
	}
	if n := len(eigenvalues(slices.Repeat(classes[1:2], 2*result.ShownClasses))); n != result.ShownClasses {
		t.Errorf("%d charts are drawn, want at most %d", n, result.ShownClasses)
	}
}
