package dataset

import (
	"math"
	"slices"
	"testing"
)

func TestOrder(t *testing.T) {
	for _, n := range []int{1, 2, 3, 10, 1000} {
		order := Order(n, 7, 3)
		if !slices.Equal(order, Order(n, 7, 3)) {
			t.Errorf("n = %d: two calls differ", n)
		}
		for i, j := range slices.Sorted(slices.Values(order)) {
			if i != j {
				t.Fatalf("n = %d: not a permutation: %v", n, order)
			}
		}
	}
	if Order(0, 1, 1) != nil || Order(-1, 1, 1) != nil {
		t.Error("no items have an order")
	}
	base := Order(100, 7, 3)
	for _, other := range [][]int{Order(100, 8, 3), Order(100, 7, 4), Order(100, 3, 7)} {
		if slices.Equal(base, other) {
			t.Error("another seed or epoch gives the same order")
		}
	}
}

// Runs of years ago have to be repeatable: these numbers must not change.
func TestOrderIsStable(t *testing.T) {
	for _, test := range []struct {
		seed  uint64
		epoch int
		want  []int
	}{
		{0, 0, []int{9, 4, 8, 2, 7, 0, 3, 5, 6, 1}},
		{1, 2, []int{5, 8, 3, 0, 9, 2, 7, 1, 6, 4}},
	} {
		if got := Order(10, test.seed, test.epoch); !slices.Equal(got, test.want) {
			t.Errorf("seed %d, epoch %d: got %v, want %v", test.seed, test.epoch, got, test.want)
		}
	}
	// The first numbers of SplitMix64 from state 0, as published.
	r := random{}
	for _, want := range []uint64{0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f} {
		if got := r.next(); got != want {
			t.Errorf("got %#x, want %#x", got, want)
		}
	}
}

// Over many epochs each item is as often at each place.
func TestOrderIsFair(t *testing.T) {
	const n, epochs = 6, 6000
	var counts [n][n]float64
	for epoch := range epochs {
		for place, item := range Order(n, 42, epoch) {
			counts[place][item]++
		}
	}
	chi2 := 0.0
	for _, row := range counts {
		for _, count := range row {
			chi2 += (count - epochs/n) * (count - epochs/n) / (epochs / n)
		}
	}
	// 25 degrees of freedom: mean 25, standard deviation 7.
	if math.Abs(chi2-25) > 35 {
		t.Errorf("chi squared is %.1f, want about 25", chi2)
	}
}
