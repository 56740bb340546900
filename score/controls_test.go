package score_test

import (
	"math"
	"slices"
	"testing"

	"oscar/explain"
	"oscar/score"
)

func TestRandomMap(t *testing.T) {
	images := scenes(3)
	targets := []int{1, 0, explain.Predicted}
	got, err := score.RandomMap{Seed: 1}.Explain(t.Context(), images, targets)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range got {
		low, high := a.Map.Range()
		if a.Map.Height != height || a.Map.Width != width || low < 0 || high > 1 || high < 0.9 || a.Method != "random" || a.Target != targets[i] || a.Status != explain.OK {
			t.Errorf("attribution %d: %s of %d, %dx%d, %v to %v", i, a.Method, a.Target, a.Map.Height, a.Map.Width, low, high)
		}
	}
	alone, err := score.RandomMap{Seed: 1}.Explain(t.Context(), one(images, 1), targets[1:2])
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(alone[0].Map.Values, got[1].Map.Values) {
		t.Error("the same image has another map in another batch")
	}
	if slices.Equal(got[0].Map.Values, got[1].Map.Values) {
		t.Error("two images have one map")
	}
	other, _ := score.RandomMap{Seed: 2, Cells: 3}.Explain(t.Context(), images, targets)
	if len(other[0].Map.Values) != 9 || slices.Equal(other[0].Map.Values, got[0].Map.Values[:9]) {
		t.Errorf("three by three cells: %v", other[0].Map)
	}
	if _, err := (score.RandomMap{}).Explain(t.Context(), images, nil); err == nil {
		t.Error("no error of images without targets")
	}
}

func TestEdgeMap(t *testing.T) {
	images := explain.Images{N: 1, Height: 3, Width: 4, Channels: 3}
	for range 3 {
		for _, v := range []float32{0, 0, 100, 100} {
			images.Pixels = append(images.Pixels, v, v, v)
		}
	}
	images.Pixels = append(images.Pixels, images.Pixels...) // the second: a red corner
	for i := range 36 {
		images.Pixels[36+i] = 0
	}
	images.Pixels[36] = 100
	images.N = 2
	got, err := score.EdgeMap{}.Explain(t.Context(), images, []int{0, 0})
	if err != nil {
		t.Fatal(err)
	}
	red := 29.9
	for k, want := range [][]float64{
		{0, 400, 400, 0, 0, 400, 400, 0, 0, 400, 400, 0},
		{3 * red * math.Sqrt2, 3 * red * math.Hypot(1, 1./3), 0, 0, 3 * red * math.Hypot(1, 1./3), red * math.Sqrt2, 0, 0, 0, 0, 0, 0},
	} {
		for p, v := range got[k].Map.Values {
			if !near(float64(v), want[p], 1e-3) {
				t.Fatalf("the edges are %v, want %v", got[k].Map.Values, want)
			}
		}
	}
}
