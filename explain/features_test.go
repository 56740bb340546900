package explain

import (
	"math"
	"testing"
)

func TestFeatures(t *testing.T) {
	// Two channels over 1 x 2 places: means 3 and 4 of length 5.
	got := Features(Volume{Height: 1, Width: 2, Channels: 2, Values: []float32{2, 8, 4, 0}})
	if len(got) != 2 || got[0] != 0.6 || got[1] != 0.8 {
		t.Errorf("features %v, want 0.6 and 0.8", got)
	}
	for _, v := range Features(Volume{Height: 1, Width: 1, Channels: 3, Values: make([]float32, 3)}) {
		if v != 0 {
			t.Errorf("feature %v of activations that are 0", v)
		}
	}
}

func TestBorderShare(t *testing.T) {
	even := NewGrid(64, 64)
	for i := range even.Values {
		even.Values[i] = 2
	}
	middle := NewGrid(64, 64)
	middle.Values[32*64+32], middle.Values[0] = 5, -7
	corner := NewGrid(64, 64)
	corner.Values[0] = 1
	for _, c := range []struct {
		name string
		grid Grid
		want float64
	}{{"even", even, 1 - 48.0*48/64/64}, {"middle", middle, 0}, {"corner", corner, 1}} {
		if got := BorderShare(c.grid); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if got := BorderShare(NewGrid(2, 2)); !math.IsNaN(got) {
		t.Errorf("a map without positive values has %v, want NaN", got)
	}
}
