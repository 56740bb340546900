package result

import (
	"math"
	"testing"
)

// A value that could not be measured exceeds every limit; limits that were not
// asked for are not judged.
func TestLimits(t *testing.T) {
	c := Comparison{Changed: 0.1, Drift: Drift{Value: Number(math.NaN())}, Figures: []ComparedFigure{
		{Name: "accuracy", Difference: -0.02}, {Name: "loss", Difference: -0.5}}}
	for _, test := range []struct {
		name     string
		most     float64
		exceeded bool
	}{
		{"accuracy_drop", 0.02, false}, {"accuracy_drop", 0.01, true}, {"loss_rise", 0, false}, {"changed", 0.1, false}, {"changed", 0.09, true}, {"drift", 2, true},
	} {
		c.SetLimits(map[string]float64{test.name: test.most})
		if len(c.Limits) != 1 || len(Exceeded(c.Limits)) > 0 != test.exceeded {
			t.Errorf("%s at most %v: %v", test.name, test.most, c.Limits)
		}
	}
}

// Limits within the range of the value are taken, and no others.
func TestCheckLimits(t *testing.T) {
	of := map[string][2]float64{
		"accuracy_drop": {-1, 1}, "loss_rise": {-math.MaxFloat64, math.MaxFloat64}, "changed": {0, 1}, "drift": {0, 2}, "ap_drop": {-1, 1},
	}
	for _, names := range [][]string{LimitNames, DetectorLimitNames} {
		for _, name := range names {
			in, ok := of[name]
			if !ok {
				t.Errorf("%s has no range here", name)
			}
			for _, v := range []float64{in[0], in[0]/2 + in[1]/2, in[1]} {
				if err := CheckLimits(names, map[string]float64{name: v}); err != nil {
					t.Errorf("%s at most %v: %v", name, v, err)
				}
			}
			for _, v := range []float64{math.Nextafter(in[0], math.Inf(-1)), math.Nextafter(in[1], math.Inf(1)), math.Inf(-1), math.Inf(1), math.NaN()} {
				if CheckLimits(names, map[string]float64{name: v}) == nil {
					t.Errorf("%s at most %v is taken", name, v)
				}
			}
		}
	}
	err := CheckLimits(LimitNames, map[string]float64{"drift": 1, "drifts": 1})
	if want := `no limit "drifts" (drift?); have accuracy_drop, loss_rise, changed, drift`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// Images with another predicted class come first, then those with the lowest rank
// correlation; images without maps are left out.
func TestMostChanged(t *testing.T) {
	same, other := [2]string{"can", "can"}, [2]string{"can", "tin"}
	c := Comparison{ByImage: []ComparedImage{
		{Image: "alike", Predicted: same, Explained: "can", Rank: 0.9},
		{Image: "unlike", Predicted: same, Explained: "can", Rank: -0.2},
		{Image: "empty", Predicted: same, Explained: "can", Rank: Unmeasured},
		{Image: "other", Predicted: other, Explained: "can", Rank: 0.8},
		{Image: "unexplained", Predicted: other},
	}}
	var got []string
	for _, x := range c.MostChanged(3) {
		got = append(got, x.Image)
	}
	if len(got) != 3 || got[0] != "other" || got[1] != "unlike" || got[2] != "alike" {
		t.Errorf("got %v", got)
	}
}
