package score_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"oscar/explain"
	"oscar/score"
)

func TestGini(t *testing.T) {
	judged(t, []score.Value{
		score.Gini(row(0, 0, 0, 5)),
		score.Gini(row(-2, 2, 2, -2)),
		score.Gini(row(4, -1, 3, 2)), // (-3*1 - 1*2 + 1*3 + 3*4) / (4*10)
		score.Gini(row(0, 0)),
	}, 0.75, 0, 0.25, nan)
}

func TestEntropy(t *testing.T) {
	judged(t, []score.Value{
		score.Entropy(row(0, 0, -7)),
		score.Entropy(row(1, -1, 0, 0)),
		score.Entropy(row(2, 1, 1)),
		score.Entropy(row(0, 0)),
	}, 0, math.Ln2, 1.5*math.Ln2, nan)
}

// At the size of the image a coarse map is as a fine one.
func TestResolution(t *testing.T) {
	s := sample(t, 2, fixed{mapped(1, 0)}, false)
	s.Maps[0] = explain.Grid{Height: 1, Width: 2, Values: []float32{1, 3}}
	s.Maps[1] = explain.NewGrid(height, width)
	for p := range s.Maps[1].Values {
		at := (float32(p%width)+0.5)*2/width - 0.5
		s.Maps[1].Values[p] = 1 + 2*min(max(at, 0), 1)
	}
	forEachMetric(t, func(t *testing.T, metric score.Metric) {
		if metric.Needs&score.NeedsExplainer != 0 {
			return // at the map's own
		}
		s := s
		s.Images.Pixels = append(slices.Clone(s.Images.Pixels[:height*width*3]), s.Images.Pixels[:height*width*3]...)
		values, err := metric.Judge(t.Context(), s, settings)
		if err != nil {
			t.Fatal(err)
		}
		if !near(float64(values[0].Value), float64(values[1].Value), 1e-3) {
			t.Errorf("coarse %v, fine %v", values[0], values[1])
		}
	})
}

func masked(width int, inside ...int) score.Mask {
	m := score.Mask{Height: 1, Width: width, Inside: make([]bool, width)}
	for _, i := range inside {
		m.Inside[i] = true
	}
	return m
}

func TestPointing(t *testing.T) {
	image := make([]float32, 8)
	s := rows(nil, image,
		row(0, 0, 0, 9, 0, 0, 0, 0), // on it
		row(0, 9, 0, 0, 0, 0, 0, 0), // two away
		row(0, 0, 9, 0, 0, 0, 0, 0), // one away
		row(0, 0, 9, 9, 0, 0, 0, 0), // the first of equals
		row(0, 0, 0, 9, 0, 0, 0, 0)) // of an empty mask
	s.Masks = []score.Mask{masked(8, 3), masked(8, 3), masked(8, 3), masked(8, 3), masked(8)}
	for tolerance, want := range map[int][]float64{
		1: {1, 0, 0, 0, nan},
		2: {1, 0, 1, 1, nan}, // the distance is below the tolerance, not equal to it
		3: {1, 1, 1, 1, nan},
		0: {1, 1, 1, 1, nan}, // 15
	} {
		values, err := score.Pointing{Tolerance: tolerance}.Judge(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		judged(t, values["pointing"], want...)
		if got := values["pointing"][4].Status; got != score.NoMask {
			t.Errorf("the empty mask is %s", got)
		}
	}
}

// The disc is round: 3 and 4 away is 5 away.
func TestPointingDisc(t *testing.T) {
	s := score.Sample{Maps: []explain.Grid{explain.NewGrid(10, 10)}}
	s.Maps[0].Values[2*10+2] = 1
	s.Images = explain.Images{N: 1, Height: 10, Width: 10, Channels: 1, Pixels: make([]float32, 100)}
	s.Targets = []int{0}
	mask := score.Mask{Height: 10, Width: 10, Inside: make([]bool, 100)}
	mask.Inside[5*10+6] = true
	s.Masks = []score.Mask{mask}
	for tolerance, want := range map[int]float64{5: 0, 6: 1} {
		values, err := score.Pointing{Tolerance: tolerance}.Judge(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		judged(t, values["pointing"], want)
	}
}

func TestEnergy(t *testing.T) {
	judged(t, []score.Value{
		score.Energy(row(3, 1, -5, 0), masked(4, 0, 2)),
		score.Energy(row(-3, -1), masked(2, 0)),
		score.Energy(row(3, 1), masked(2)),
	}, 0.75, nan, nan)
}

func TestFocus(t *testing.T) {
	// Three by five: the first row and the first two columns are the upper left.
	g := explain.Grid{Height: 3, Width: 5, Values: []float32{
		1, 2, 4, 0, 0,
		8, -9, 16, 0, 0,
		0, 0, 0, 0, 32,
	}}
	judged(t, []score.Value{
		score.Focus(g, score.Quadrants{true, false, false, false}),
		score.Focus(g, score.Quadrants{false, true, true, false}),
		score.Focus(g, score.Quadrants{false, false, false, true}),
		score.Focus(explain.NewGrid(2, 2), score.Quadrants{true}),
	}, 3./63, 12./63, 48./63, nan)
}

func TestPlanMosaics(t *testing.T) {
	classes := []int{7, 2, 2, 7, 2, 5, 7, 2}
	plan, err := score.PlanMosaics(classes, 6, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(plan) != 12 {
		t.Fatalf("%d mosaics; want six of 2, six of 7, none of 5", len(plan))
	}
	used, places := map[int]int{}, map[score.Quadrants]int{}
	for k, m := range plan {
		if want := []int{2, 7}[k/6]; m.Target != want {
			t.Errorf("mosaic %d is of class %d, want %d", k, m.Target, want)
		}
		own := 0
		for q, i := range m.Images {
			if (classes[i] == m.Target) != m.Quadrants[q] {
				t.Errorf("mosaic %+v says wrongly which quarters are of the class", m)
			}
			if m.Quadrants[q] {
				own++
				used[i]++
			}
		}
		distinct := slices.Clone(m.Images[:])
		slices.Sort(distinct)
		if own != 2 || len(slices.Compact(distinct)) != 4 {
			t.Errorf("mosaic %+v: want two of the class and two others, all different", m)
		}
		places[m.Quadrants]++
	}
	for i, n := range used {
		if want := map[int]int{2: 3, 7: 4}[classes[i]]; n != want {
			t.Errorf("image %d is in %d mosaics of its class, want %d", i, n, want)
		}
	}
	if len(places) < 3 {
		t.Errorf("the places are always %v", places)
	}

	again, _ := score.PlanMosaics(classes, 6, 1)
	other, _ := score.PlanMosaics(classes, 6, 2)
	if !slices.Equal(plan, again) || slices.Equal(plan, other) {
		t.Error("the plan does not go by its seed")
	}
	for _, bad := range [][]int{nil, {1}, {1, 1, 1}, {1, 1, 2}} {
		if _, err := score.PlanMosaics(bad, 1, 1); err == nil {
			t.Errorf("no error of the classes %v", bad)
		}
	}
	if _, err := score.PlanMosaics(classes, 0, 1); err == nil {
		t.Error("no error of no mosaics")
	}
}

func TestDrawMosaics(t *testing.T) {
	// Each image is 5x4 of one value, but for the first, whose columns differ.
	load := func(i int) ([]float32, error) {
		image := make([]float32, 5*4)
		for p := range image {
			image[p] = float32(i * 10)
			if i == 0 {
				image[p] = float32(p % 4)
			}
		}
		return image, nil
	}
	plan := []score.Mosaic{{Target: 3, Images: [4]int{1, 0, 2, 3}, Quadrants: score.Quadrants{true, false, false, true}}}
	cases, err := score.DrawMosaics(plan, 5, 4, 1, load)
	if err != nil {
		t.Fatal(err)
	}
	want := []float32{
		10, 10, 0.5, 2.5,
		10, 10, 0.5, 2.5,
		20, 20, 30, 30,
		20, 20, 30, 30,
		20, 20, 30, 30,
	}
	for i, v := range cases.Images.Pixels {
		if !near(float64(v), float64(want[i]), 1e-4) {
			t.Fatalf("the mosaic is %v, want %v", cases.Images.Pixels, want)
		}
	}
	if cases.Targets[0] != 3 || cases.Quadrants[0] != plan[0].Quadrants {
		t.Errorf("cases %+v", cases)
	}

	// Five rows in two: two and a half each.
	steps := func(int) ([]float32, error) { return []float32{0, 0, 10, 10, 20, 20, 30, 30, 40, 40}, nil }
	cases, err = score.DrawMosaics(plan, 5, 2, 1, steps)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := cases.Images.Pixels[0], cases.Images.Pixels[2]; !near(float64(a), 8, 1e-4) || !near(float64(b), 32, 1e-4) {
		t.Errorf("0 10 20 30 40 became %v %v, want 8 32", a, b)
	}

	missing := errors.New("no such file")
	if _, err := score.DrawMosaics(plan, 5, 4, 1, func(int) ([]float32, error) { return nil, missing }); !errors.Is(err, missing) {
		t.Errorf("error %v", err)
	}
	if _, err := score.DrawMosaics(plan, 5, 4, 3, load); err == nil || !strings.Contains(err.Error(), "20 values; want 5x4x3") {
		t.Errorf("error %v", err)
	}
}
