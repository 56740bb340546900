package explain_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"oscar/explain"
)

func TestResizeByHand(t *testing.T) {
	got := explain.Grid{Height: 2, Width: 2, Values: []float32{0, 4, 8, 12}}.Resize(4, 4)
	want := []float32{
		0, 1, 3, 4,
		2, 3, 5, 6,
		6, 7, 9, 10,
		8, 9, 11, 12,
	}
	if !slices.Equal(got.Values, want) {
		t.Errorf("got  %v\nwant %v", got.Values, want)
	}
}

// A row stays a row: the fault of swapping height and width would show.
func TestResizeKeepsOrientation(t *testing.T) {
	got := row(0, 1).Resize(3, 4)
	if got.Height != 3 || got.Width != 4 {
		t.Fatalf("%dx%d, want 3x4", got.Height, got.Width)
	}
	want := []float32{0, 0.25, 0.75, 1}
	for y := range 3 {
		if !slices.Equal(got.Values[4*y:4*y+4], want) {
			t.Errorf("row %d: %v, want %v", y, got.Values[4*y:4*y+4], want)
		}
	}
}

// testdata/resize.json is made by testdata/resize.py. TensorFlow computes
// positions in float32, which costs a few millionths.
func TestResizeAsTensorFlow(t *testing.T) {
	data, err := os.ReadFile("testdata/resize.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		From, To        [2]int
		Values, Resized []float32
	}
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) == 0 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, c := range cases {
		got := (explain.Grid{Height: c.From[0], Width: c.From[1], Values: c.Values}).Resize(c.To[0], c.To[1])
		if len(got.Values) != len(c.Resized) {
			t.Fatalf("%v to %v: %d values, want %d", c.From, c.To, len(got.Values), len(c.Resized))
		}
		for i, want := range c.Resized {
			if math.Abs(float64(got.Values[i]-want)) > 5e-6 {
				t.Errorf("%v to %v, value %d: %v, want %v", c.From, c.To, i, got.Values[i], want)
			}
		}
	}
}

// slowResize weights every source position by a tent around the output's.
func slowResize(g explain.Grid, height, width int) explain.Grid {
	tent := func(in, out, i, at int) float64 {
		where := (float64(at)+0.5)*float64(in)/float64(out) - 0.5
		where = min(max(where, 0), float64(in-1)) // clamped edges
		return max(0, 1-math.Abs(float64(i)-where))
	}
	result := explain.NewGrid(height, width)
	for y := range height {
		for x := range width {
			sum := 0.0
			for i := range g.Height {
				for j := range g.Width {
					sum += tent(g.Height, height, i, y) * tent(g.Width, width, j, x) * float64(g.At(i, j))
				}
			}
			result.Values[y*width+x] = float32(sum)
		}
	}
	return result
}

func TestResizeEqualsSlowTwin(t *testing.T) {
	for _, size := range [][4]int{{13, 13, 51, 38}, {6, 9, 6, 9}, {1, 5, 7, 7}, {5, 1, 7, 3}, {9, 9, 4, 5}, {3, 4, 1, 1}} {
		g := random(size[0], size[1])
		got, want := g.Resize(size[2], size[3]), slowResize(g, size[2], size[3])
		for i := range want.Values {
			if math.Abs(float64(got.Values[i]-want.Values[i])) > 1e-6 {
				t.Fatalf("%v, value %d: %v, want %v", size, i, got.Values[i], want.Values[i])
			}
		}
	}
}

func TestResizeOddities(t *testing.T) {
	if got := row(1, 2).Resize(0, 4); len(got.Values) != 0 {
		t.Errorf("to no height: %v", got)
	}
	for _, bad := range []explain.Grid{{}, {Height: 2, Width: 2, Values: []float32{1}}, {Height: -1, Width: -1, Values: []float32{1}}} {
		got := bad.Resize(2, 3)
		if got.Height != 2 || got.Width != 3 || !slices.Equal(got.Values, make([]float32, 6)) {
			t.Errorf("of %v: %v, want 2x3 zeros", bad, got)
		}
	}
	g := random(4, 5)
	if same := g.Resize(4, 5); !slices.Equal(same.Values, g.Values) || &same.Values[0] == &g.Values[0] {
		t.Error("to its own size: want a copy")
	}
}

func BenchmarkResize(b *testing.B) {
	g := random(13, 13)
	for b.Loop() {
		g.Resize(384, 512)
	}
}

// random is a map of normal values.
func random(height, width int) explain.Grid {
	g, r := explain.NewGrid(height, width), rand.New(rand.NewPCG(1, 2))
	for i := range g.Values {
		g.Values[i] = float32(r.NormFloat64())
	}
	return g
}
