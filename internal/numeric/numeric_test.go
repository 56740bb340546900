package numeric

import (
	"math"
	"slices"
	"testing"
)

func TestArgMax(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   int
	}{{nil, 0}, {[]float64{-3}, 0}, {[]float64{1, 5, 5, 2}, 1}, {[]float64{-2, -1}, 1}} {
		if got := ArgMax(test.values); got != test.want {
			t.Errorf("ArgMax(%v) = %d, want %d", test.values, got, test.want)
		}
	}
}

func TestFinite(t *testing.T) {
	for v, want := range map[float64]bool{0: true, -math.MaxFloat64: true, math.NaN(): false, math.Inf(1): false, math.Inf(-1): false} {
		if Finite(1, v, 2) != want || Finite(float32(v-v)) != want {
			t.Errorf("Finite of %v is %v", v, !want)
		}
	}
	if !Finite[float32]() {
		t.Error("no values are not finite")
	}
}

func TestFloat32s(t *testing.T) {
	got := []float32{9, 9, 9, 9}
	Float32s(got[:3], []uint8{0, 127, 255})
	if !slices.Equal(got, []float32{0, 127, 255, 9}) {
		t.Errorf("%v", got)
	}
}
