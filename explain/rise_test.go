package explain_test

import (
	"math"
	"slices"
	"testing"

	"oscar/explain"
)

func TestRISEWithOpenMasksIsTheScore(t *testing.T) {
	a := must(t, explain.RISE{Model: &fake{function: newNet(3)}, Open: 1, Samples: 20}, photos(1), 1)[0]
	for _, v := range a.Map.Values {
		if !near(float64(v), float64(a.Score), 1e-6) {
			t.Fatalf("a value is %v, want the score %v", v, a.Score)
		}
	}
}

// A mask by hand: 2 x 2 cells over 4 x 4 pixels are enlarged to 6 x 6.
func TestMaskByHand(t *testing.T) {
	// Along one side, from the cells 1, 0: the places are (i+1/2)/3 - 1/2, that
	// is -1/3, 0, 1/3, 2/3, 1, 4/3; mirrored at 0 and 1.
	side := []float32{2. / 3, 1, 2. / 3, 1. / 3, 0, 1. / 3}
	for y := range 2 {
		for x := range 2 {
			got := explain.Mask([]bool{true, false, true, false}, y, x, 2, 4, 4)
			for i, v := range got {
				if want := side[x+i%4]; math.Abs(float64(v-want)) > 1e-6 {
					t.Errorf("shift %d,%d: position %d is %v, want %v", y, x, i, v, want)
				}
			}
			got = explain.Mask([]bool{true, true, false, false}, y, x, 2, 4, 4)
			for i, v := range got {
				if want := side[y+i/4]; math.Abs(float64(v-want)) > 1e-6 {
					t.Errorf("shift %d,%d, upright: position %d is %v, want %v", y, x, i, v, want)
				}
			}
		}
	}
}

func TestMasksAreBetweenZeroAndOneAndOpenToTheirShare(t *testing.T) {
	const samples = 2000
	for _, open := range []float64{0.2, 0.5} {
		var sum float64
		shifts := map[[2]int]int{}
		for sample := range samples {
			cells, y, x := explain.MaskPattern(1, photos(1), sample, 7, open)
			mask := explain.Mask(cells, y, x, 7, high, wide)
			if low, top := slices.Min(mask), slices.Max(mask); low < 0 || top > 1 {
				t.Fatalf("a mask from %v to %v", low, top)
			}
			sum += total(explain.Grid{Values: mask}) / float64(len(mask))
			shifts[[2]int{y, x}]++
		}
		if got := sum / samples; math.Abs(got-open) > 0.01 {
			t.Errorf("the masks' mean is %v, want %v", got, open)
		}
		// 12 and 15 pixels in 7 cells: 2 and 3 shifts.
		if len(shifts) != 2*3 {
			t.Errorf("%d shifts, want 6: %v", len(shifts), shifts)
		}
	}
}

func TestRISEFindsThePixel(t *testing.T) {
	const y, x = 3, 11
	images := photos(1)
	images.Pixels[(y*wide+x)*3] = 250
	e := explain.RISE{Model: &fake{function: lookAt(y, x, 1)}, Score: explain.Logit, Samples: 3000}
	grid := must(t, e, images, 0)[0].Map
	best := slices.Index(grid.Values, slices.Max(grid.Values))
	if dy, dx := best/wide-y, best%wide-x; dy*dy > 1 || dx*dx > 1 {
		t.Errorf("the largest value is at %d,%d, the model looks at %d,%d", best/wide, best%wide, y, x)
	}
}

// With a gray baseline a closed mask shows gray.
func TestRISEBaseline(t *testing.T) {
	images := photos(1)
	for i := range images.Pixels {
		images.Pixels[i] = 127.5
	}
	a := must(t, explain.RISE{Model: &fake{function: newNet(3)}, Baseline: explain.Gray, Samples: 500}, images, 0)[0]
	// Nothing changes, whatever the mask: the map is the score, times mean mask over p.
	if got := total(a.Map) / float64(len(a.Map.Values)); !near(got, float64(a.Score), 0.05) {
		t.Errorf("the mean is %v, want the score %v", got, a.Score)
	}
}
