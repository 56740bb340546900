package explain_test

import (
	"math"
	"slices"
	"testing"

	"oscar/explain"
)

func TestAverageByHand(t *testing.T) {
	var a explain.Averager
	for _, g := range []explain.Grid{
		row(1, 3),   // 1/4, 3/4
		row(-5, 5),  // -1/2, 1/2
		row(0, 0),   // no mass
		row(nan, 1), // no number
		row(10, 30), // 1/4, 3/4: scale does not matter
		row(inf, 1),
	} {
		if err := a.Add(g); err != nil {
			t.Fatal(err)
		}
	}
	if a.N != 3 || a.Dropped != 3 {
		t.Errorf("%d maps, %d dropped; want 3 and 3", a.N, a.Dropped)
	}
	mean, deviation := a.Mean().Values, a.Deviation().Values
	if !slices.Equal(mean, []float32{0, 2. / 3}) {
		t.Errorf("the mean is %v, want [0 2/3]", mean)
	}
	// Variances: (1/16 + 1/4 + 1/16)/2 = 3/16, (1/144 + 1/36 + 1/144)/2 = 1/48.
	for i, want := range []float64{math.Sqrt(3. / 16), math.Sqrt(1. / 48)} {
		if math.Abs(float64(deviation[i])-want) > 1e-7 {
			t.Errorf("deviation %d is %v, want %v", i, deviation[i], want)
		}
	}
	if got, want := a.Dispersion(), math.Sqrt((3./16+1./48)/(4./9)); math.Abs(got-want) > 1e-12 {
		t.Errorf("the dispersion is %v, want %v", got, want)
	}
}

func TestAverageOfEqualMaps(t *testing.T) {
	var a explain.Averager
	for range 3 {
		if err := a.Add(explain.Grid{Height: 2, Width: 2, Values: []float32{1, 2, -1, 4}}); err != nil {
			t.Fatal(err)
		}
	}
	if got := a.Dispersion(); got > 1e-12 {
		t.Errorf("equal maps have a dispersion of %v", got)
	}
	if got := a.Mean().Values; !slices.Equal(got, []float32{0.125, 0.25, -0.125, 0.5}) {
		t.Errorf("their mean is %v", got)
	}
}

func TestAverageOfNothing(t *testing.T) {
	var a explain.Averager
	if g := a.Mean(); len(g.Values) != 0 || len(a.Deviation().Values) != 0 {
		t.Errorf("the mean of no maps is %v", g)
	}
	if !math.IsNaN(a.Dispersion()) || !math.IsNaN(a.Center()) {
		t.Error("no maps have a dispersion or a center")
	}
	if err := a.Add(row(1)); err != nil || a.Deviation().Values[0] != 0 || a.Dispersion() != 0 {
		t.Errorf("one map: %v, deviation %v", err, a.Deviation())
	}
}

func TestAverageRefusals(t *testing.T) {
	var a explain.Averager
	for i, g := range []explain.Grid{row(1, 2), row(1, 2, 3), {Height: 2, Width: 1, Values: []float32{1, 2}}, {Height: 1, Width: 2, Values: []float32{1}}} {
		if err := a.Add(g); (err == nil) != (i == 0) {
			t.Errorf("map %d: %v", i, err)
		}
	}
}

func TestCenter(t *testing.T) {
	for _, side := range []int{1, 2, 3, 8, 13} {
		var even, middle explain.Averager
		g, m := explain.NewGrid(side, side+2), explain.NewGrid(side, side+2)
		for i := range g.Values {
			g.Values[i] = 1
		}
		m.Values[side/2*(side+2)+(side+2)/2] = 1
		if err := even.Add(g); err != nil {
			t.Fatal(err)
		}
		if err := middle.Add(m); err != nil {
			t.Fatal(err)
		}
		if got := even.Center(); math.Abs(got-1) > 1e-12 {
			t.Errorf("side %d: an even map keeps to the center by %v, want 1", side, got)
		}
		if got := middle.Center(); got < 1 || side == 8 && math.Abs(got-80./(4*6)) > 1e-12 {
			t.Errorf("side %d: a dot in the middle has %v", side, got)
		}
	}
}
