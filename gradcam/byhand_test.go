package gradcam_test

import (
	"math"
	"testing"

	"oscar/explain"
	"oscar/gradcam"
)

// Two positions high, two wide, two channels.
//
//	A_0 = 1 2   A_1 = 4 0   sums 10 and 6
//	      3 4         0 2
//
//	g_0 = 1 -1  g_1 = -2  1
//	      2  2         0 -1
var (
	handA = explain.Volume{Height: 2, Width: 2, Channels: 2, Values: []float32{1, 4, 2, 0, 3, 0, 4, 2}}
	handG = explain.Volume{Height: 2, Width: 2, Channels: 2, Values: []float32{1, -2, -1, 1, 2, 0, 2, -1}}
)

const r = 1 + math.Sqrt2

var l = math.Sqrt(4 + 2*math.Sqrt2)

// byHand are the maps, computed with pen and paper.
var byHand = map[string][4]float64{
	// w = 4/4, -2/4
	"gradcam": {1 - 2, 2, 3, 4 - 1},
	// alpha = 1/(2 + sum g) where g > 0: 1/12, 1/22, 1/22 and 1/8
	// w = 1/12 + 2/22 + 2/22, 1/8
	"gradcam++": {35./132 + 4./8, 70. / 132, 105. / 132, 140./132 + 2./8},
	// g A, added up
	"hirescam": {1 - 8, -2 + 0, 6 + 0, 8 - 2},
	// the same without the negative g
	"layercam": {1, 0, 6, 8},
	// w = (1-2+6+8)/10, (-8-2)/6
	"xgradcam": {1.3 - 20./3, 2.6, 3.9, 5.2 - 10./3},
	// The image is 3 everywhere; its class score is the logarithm of what is
	// left of it: A_0 lets through 0, 1/3, 2/3, 1, in all 6; A_1 1, 0, 0, 1/2, in
	// all 4.5. The softmax of logarithms is 6/10.5, 4.5/10.5.
	"scorecam": {4./7 + 12./7, 8. / 7, 12. / 7, 16./7 + 6./7},
	// Centered, A_0 is -1.5 -0.5 0.5 1.5 and A_1 2.5 -1.5 -1.5 0.5. O^T O is
	// (5 -3; -3 11), its larger eigenvalue 8 + 3 sqrt 2, the eigenvector (1 -r) with
	// r = 1 + sqrt 2, of length sqrt(4 + 2 sqrt 2). The largest magnitude, at the
	// first position, becomes positive: -A_0 + r A_1.
	"eigencam": {(1.5 + 2.5*r) / l, (0.5 - 1.5*r) / l, (-0.5 - 1.5*r) / l, (-1.5 + 0.5*r) / l},
	// y = 2 sum A_0 - sum A_1 + 1 = 15, without channel 0 -5, without channel 1
	// 21: w = 20/15, -6/15
	"ablationcam": {4./3 - 24./15, 8. / 3, 12. / 3, 16./3 - 12./15},
}

// runByHand applies a method to the example. offset is added to the
// score that Ablation-CAM sees.
func runByHand(t *testing.T, entry gradcam.Entry, offset float32) explain.Grid {
	t.Helper()
	view := gradcam.View{
		Image:       explain.Images{N: 1, Height: 2, Width: 2, Channels: 1, Pixels: []float32{3, 3, 3, 3}},
		Activations: handA,
		Gradients:   handG,
		Value:       15 + offset,
	}
	model := &fake{
		see: func(pixels []float32) float32 { return float32(math.Log(float64(sum(pixels)))) },
		head: func(a explain.Volume) float32 {
			total := 1 + offset
			for i, v := range a.Values {
				total += v * []float32{2, -1}[i%2]
			}
			return total
		},
	}
	return run(t, entry, model, view)
}

// runner is what a method may ask of a model.
type runner interface {
	explain.Predictor
	explain.Head
}

// run applies an entry to a view.
func run(t testing.TB, entry gradcam.Entry, model runner, view gradcam.View) explain.Grid {
	t.Helper()
	var (
		grid explain.Grid
		err  error
	)
	switch {
	case entry.CAM != nil:
		grid = entry.CAM(view.Activations, view.Gradients)
	case entry.Mask != nil:
		grid, err = entry.Mask(t.Context(), model, view)
	case entry.Head != nil:
		grid, err = entry.Head(t.Context(), model, view)
	}
	if err != nil {
		t.Fatal(err)
	}
	return grid
}

func TestByHand(t *testing.T) {
	forEachEntry(t, func(t *testing.T, entry gradcam.Entry) {
		want, ok := byHand[entry.Name]
		if !ok {
			t.Fatalf("byhand_test.go has no map of %s that is computed by hand", entry.Name)
		}
		if got := runByHand(t, entry, 0); !near(got, want[:], 1e-6) || got.Height != 2 || got.Width != 2 {
			t.Errorf("map %+v, want %v", got, want)
		}
	})
}

// Three positions wide and two high, to tell rows from columns.
//
//	A_0 = 1 2 3   A_1 = 6 5 4     w_0 = (1+2+3+4+5+3)/6 =  3
//	      4 5 6         3 2 1     w_1 = (0-6+0+0-6+0)/6 = -2
func TestGradCAMByHand(t *testing.T) {
	activations := explain.Volume{Height: 2, Width: 3, Channels: 2, Values: []float32{
		1, 6, 2, 5, 3, 4,
		4, 3, 5, 2, 6, 1,
	}}
	gradients := explain.Volume{Height: 2, Width: 3, Channels: 2, Values: []float32{
		1, 0, 2, -6, 3, 0,
		4, 0, 5, -6, 3, 0,
	}}
	got := gradcam.GradCAM(activations, gradients)
	if got.Height != 2 || got.Width != 3 || !near(got, []float64{-9, -4, 1, 6, 11, 16}, 0) {
		t.Errorf("map %+v", got)
	}
}

// Two channels of one pattern u, which adds up to zero, three and four times,
// on a mean of 7 and 2: centered, O = u (3 4), v_1 = (3 4)/5 and O v_1 = 5 u.
func TestEigenCAMByHand(t *testing.T) {
	for _, test := range []struct{ u, want []float64 }{
		{[]float64{1, -3, 1, 1}, []float64{-5, 15, -5, -5}}, // the largest magnitude becomes positive
		{[]float64{-1, 3, -1, -1}, []float64{-5, 15, -5, -5}},
		{[]float64{-2, 2, 0, 0}, []float64{10, -10, 0, 0}}, // or else the first value
		{[]float64{0, 0, 0, 0}, []float64{0, 0, 0, 0}},
	} {
		a := volume(2, 2, 2)
		for p, u := range test.u {
			a.Values[2*p], a.Values[2*p+1] = float32(7+3*u), float32(2+4*u)
		}
		if got := gradcam.EigenCAM(a, explain.Volume{}); !near(got, test.want, 1e-6) {
			t.Errorf("u = %v: map %v, want %v", test.u, got.Values, test.want)
		}
	}
}

// In float32, adding 1 to 2^24 changes nothing.
func TestSumsAreFloat64(t *testing.T) {
	const big = 1 << 24
	a := explain.Volume{Height: 1, Width: 1, Channels: 4, Values: []float32{1, 1, 1, 1}}
	g := explain.Volume{Height: 1, Width: 1, Channels: 4, Values: []float32{big, 1, 1, -big}}
	for _, method := range []gradcam.CAM{gradcam.GradCAM, gradcam.HiResCAM} {
		if got := method(a, g).Values[0]; got != 2 {
			t.Errorf("2^24 + 1 + 1 - 2^24 = %v, want 2", got)
		}
	}
}

// What speaks for the class does so whatever the score's sign, if its size is
// the same: y = -15 gives the map of y = 15. Of no score no share can be told.
func TestAblationCAMOfOtherScores(t *testing.T) {
	entry, want := lookup(t, "ablationcam"), byHand["ablationcam"]
	if got := runByHand(t, entry, -30); !near(got, want[:], 1e-6) {
		t.Errorf("of y = -15: %v, want %v", got.Values, want)
	}
	for _, y := range []float32{0, float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
		if got := runByHand(t, entry, y-15); explain.StatusOf(got) != explain.NonFinite || len(got.Values) != 4 {
			t.Errorf("of y = %v: %v, want a map of NaN", y, got.Values)
		}
	}
}

// near says that a map is within tolerance, relative to its largest magnitude.
func near(got explain.Grid, want []float64, tolerance float64) bool {
	return len(got.Values) == len(want) && difference(got, want) <= tolerance
}

// difference is the largest one, relative to the largest magnitude.
func difference(got explain.Grid, want []float64) float64 {
	largest, off := 0.0, 0.0
	for p, w := range want {
		largest = max(largest, math.Abs(w))
		off = max(off, math.Abs(float64(got.Values[p])-w))
	}
	if off == 0 {
		return 0
	}
	return off / largest
}
