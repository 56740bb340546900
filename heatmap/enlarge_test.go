package heatmap

import (
	"testing"

	"oscar/explain"
)

// Every map of a batch is what tf.image.resize makes of it, from 0 to 1: of {-1, 1; 3, 1}
// the positive part is {0, 1/3; 1, 1/3}.
func TestEnlarge(t *testing.T) {
	one := explain.Grid{Height: 2, Width: 2, Values: []float32{-1, 1, 3, 1}}
	want := []float32{0, 1. / 12, 1. / 4, 1. / 3, 1. / 4, 13. / 48, 15. / 48, 1. / 3, 3. / 4, 31. / 48, 21. / 48, 1. / 3, 1, 5. / 6, 1. / 2, 1. / 3}
	var batch []explain.Attribution
	for k := range 9 {
		a := explain.Attribution{Map: explain.NewGrid(2, 2)}
		if k != 4 {
			for i, v := range one.Values {
				a.Map.Values[i] = v * float32(k+1)
			}
		}
		batch = append(batch, a)
	}
	for k, g := range Enlarge(batch, 4, 4) {
		for i, v := range g.Values {
			w := want[i]
			if k == 4 {
				w = 0
			}
			if d := v - w; d > 1e-6 || d < -1e-6 {
				t.Errorf("map %d, value %d: %g, want %g", k, i, v, w)
			}
		}
	}
	if got := Enlarge(nil, 4, 4); len(got) != 0 {
		t.Errorf("%d maps of none", len(got))
	}
}
