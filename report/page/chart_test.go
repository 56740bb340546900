package page

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		n         int
		whole     bool
		want      []float64
	}{
		{0, 1, 6, false, []float64{0, 0.2, 0.4, 0.6, 0.8, 1}},
		{0, 3.7, 6, false, []float64{0, 1, 2, 3}},
		{1, 40, 7, true, []float64{10, 20, 30, 40}},
		{1, 3, 7, true, []float64{1, 2, 3}},
		{0, 2, 7, true, []float64{0, 1, 2}},
		{0, 5e-6, 6, false, []float64{0, 1e-6, 2e-6, 3e-6, 4e-6, 5e-6}},
		{1, 12000, 7, true, []float64{2000, 4000, 6000, 8000, 10000, 12000}},
	} {
		got := ticks(c.low, c.high, c.n, c.whole)
		if len(got) != len(c.want) || len(got) > c.n {
			t.Errorf("%g to %g: %v, want %v", c.low, c.high, got, c.want)
			continue
		}
		for i := range got {
			if math.Abs(got[i]-c.want[i]) > 1e-12*math.Abs(c.high) {
				t.Errorf("%g to %g: %v, want %v", c.low, c.high, got, c.want)
			}
		}
	}
}

// A chart of 360 by 232 leaves 42 units on the left, 12 on the right, 14 above
// and 36 below: x of epochs 1 to 3 is 42, 195, 348; y of 0 to 1 is 196 to 14.
func TestLinesLieWhereTheyShould(t *testing.T) {
	c := Chart{X: "epoch", Whole: true, Range: [2]float64{0, 1}, Mark: 2, Series: []Series{{Points: []Point{{X: 1, Y: 0}, {X: 2, Y: 0.5, Low: 0.25, High: 1}, {X: 3, Y: 1, Low: 1, High: 1}}, Band: true}}}
	d := c.Draw()
	if got, want := d.Lines[0].Path, "M42 196L195 105L348 14"; got != want {
		t.Errorf("the line is %s, want %s", got, want)
	}
	if got, want := d.Areas[0].Path, "M42 196L195 14L348 14L348 14L195 150.5L42 196Z"; got != want {
		t.Errorf("the area is %s, want %s", got, want)
	}
	if d.Mark != "195" {
		t.Errorf("the mark is at %s", d.Mark)
	}
	if got, want := fmt.Sprint(d.X), "[{42 1} {195 2} {348 3}]"; got != want {
		t.Errorf("ticks %s, want %s", got, want)
	}
}

func TestGaps(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	a := axes{0, 4, 0, 1}
	points := []Point{{X: 0, Y: 0}, {X: 1, Y: nan}, {X: 2, Y: 1}, {X: 3, Y: 1}, {X: 4, Y: inf}}
	if got, want := line(points, a), "M39 196h6M195 14L271.5 14"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, s := range [][]Point{nil, {{X: 1, Y: nan}}, {{X: 1, Y: inf}, {X: 2, Y: -inf}}} {
		d := Chart{Series: []Series{{Points: s, Band: true}}}.Draw()
		if text := fmt.Sprint(d); strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
			t.Errorf("%v is drawn as %s", s, text)
		}
	}
}

func TestManyPointsAreThinned(t *testing.T) {
	var s Series
	for i := range 100_000 {
		s.Points = append(s.Points, Point{X: float64(i), Y: float64(i % 7)})
	}
	kept := thinned(s.Points)
	if len(kept) > chartPoints+1 || kept[0].X != 0 || kept[len(kept)-1].X != 99_999 {
		t.Errorf("%d points from %g to %g", len(kept), kept[0].X, kept[len(kept)-1].X)
	}
}

func TestDescribe(t *testing.T) {
	c := Chart{X: "epoch", Marked: "kept: epoch 2", Series: []Series{
		{Name: "training", Points: []Point{{X: 1, Y: 2}, {X: 2, Y: 0.25}, {X: 3, Y: 0.5}}},
		{Name: "validation", Points: []Point{{X: 1, Y: math.NaN()}}},
	}}
	const want = "training: from 2.000 at epoch 1 to 0.500 at epoch 3, lowest 0.250 at epoch 2; validation: no values; kept: epoch 2."
	if got := c.Describe(); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestNumbersInWords(t *testing.T) {
	for _, c := range [][2]string{
		{Thousands(55799814), "55,799,814"}, {Thousands(999), "999"}, {Thousands(-1000), "-1,000"}, {Count(1, "image"), "1 image"}, {Count(2148, "image"), "2,148 images"},
		{Percent(0.68847), "68.8\u202f%"}, {Percent(math.NaN()), "–"}, {PercentRange(0.6358, 0.7367), "63.6 to 73.7\u202f%"}, {PercentRange(math.NaN(), 1), ""},
		{Bytes(1 << 10), "1 KiB"}, {Bytes(213 << 20), "213 MiB"}, {Bytes(1717986918), "1.6 GiB"}, {Bytes(39 << 30), "39 GiB"},
		{Seconds(6.58), "6.6 s"}, {Seconds(36.2), "36 s"}, {Seconds(1454), "24 min"}, {Seconds(7499), "2 h 5 min"}, {Seconds(math.Inf(1)), "–"},
		{Short(5e-6), "5e-6"}, {Short(0.2), "0.2"}, {Short(0.1 + 0.2), "0.3"}, {Short(40), "40"}, {Short(1e15), "1e15"},
	} {
		if c[0] != c[1] {
			t.Errorf("%q, want %q", c[0], c[1])
		}
	}
}

func TestLevels(t *testing.T) {
	var got []int
	for _, share := range []float64{math.NaN(), 0, 0.001, 0.2, 0.5, 0.84, 1} {
		got = append(got, Level(share))
	}
	if want := []int{0, 0, 1, 2, 4, 6, 6}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
