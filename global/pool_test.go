package global_test

import (
	"math"
	"slices"
	"testing"

	"oscar/explain"
	"oscar/global"
)

func grid(height, width int, values ...float32) explain.Grid {
	return explain.Grid{Height: height, Width: width, Values: values}
}

func TestPoolByHand(t *testing.T) {
	for _, c := range []struct{ in, want explain.Grid }{
		{grid(2, 4, 1, 2, 3, 4, 5, 6, -7, 8), grid(2, 2, 3, 7, 11, 1)},
		{grid(4, 2, 1, 2, 3, 4, 5, 6, -7, 8), grid(2, 2, 4, 6, -2, 14)},
		{grid(1, 3, 2, 4, 6), grid(1, 2, 4, 8)},             // the middle one is shared out
		{grid(1, 5, 5, 5, 5, 5, 5), grid(1, 2, 12.5, 12.5)}, // so here
		{grid(1, 2, 3, -4), grid(1, 2, 3, -4)},              // small already
		{grid(3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1), grid(2, 2, 2.25, 2.25, 2.25, 2.25)},
	} {
		before := slices.Clone(c.in.Values)
		got := global.Pool(c.in, 2)
		if got.Height != c.want.Height || got.Width != c.want.Width {
			t.Fatalf("pooled to %dx%d, want %dx%d", got.Height, got.Width, c.want.Height, c.want.Width)
		}
		for i, v := range got.Values {
			if math.Abs(float64(v-c.want.Values[i])) > 1e-6 {
				t.Errorf("%v becomes %v, want %v", c.in.Values, got.Values, c.want.Values)
				break
			}
		}
		if !slices.Equal(c.in.Values, before) {
			t.Error("the map was changed")
		}
	}
}

// The sum stays, whatever the sizes.
func TestPoolKeepsTheSum(t *testing.T) {
	for height := 1; height < 40; height += 3 {
		for side := 1; side < 20; side += 2 {
			g, sum := explain.NewGrid(height, 37), 0.0
			for i := range g.Values {
				g.Values[i] = float32(i%7) - 2
				sum += float64(g.Values[i])
			}
			got := 0.0
			for _, v := range global.Pool(g, side).Values {
				got += float64(v)
			}
			if math.Abs(got-sum) > 1e-3 {
				t.Fatalf("%dx37 to %d: the sum is %v, was %v", height, side, got, sum)
			}
		}
	}
}
