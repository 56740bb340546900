package heatmap

import (
	"math"
	"slices"
	"testing"

	"oscar/explain"
)

func TestPositive(t *testing.T) {
	for _, test := range []struct{ in, want []float32 }{
		{[]float32{-2, 0, 1, 4}, []float32{0, 0, 0.25, 1}},
		{[]float32{3, 3}, []float32{1, 1}},
		{[]float32{0, 0}, []float32{0, 0}},
		{[]float32{-1, -2}, []float32{0, 0}},
		{[]float32{1, nan}, []float32{0, 0}},
		{[]float32{1, inf}, []float32{0, 0}},
		{[]float32{1, -inf}, []float32{1, 0}},
		{[]float32{math.SmallestNonzeroFloat32, 0}, []float32{1, 0}},
		{nil, nil},
	} {
		in := row(test.in...)
		before := slices.Clone(in.Values)
		got := Positive(in)
		if got.Height != 1 || got.Width != len(test.in) || !slices.Equal(got.Values, test.want) {
			t.Errorf("Positive(%v) = %v, want %v", test.in, got.Values, test.want)
		}
		if !slices.EqualFunc(in.Values, before, sameBits) {
			t.Errorf("Positive changed its input to %v", in.Values)
		}
	}
}

func TestSigned(t *testing.T) {
	for _, test := range []struct{ in, want []float32 }{
		{[]float32{-2, 0, 1, 4}, []float32{0.25, 0.5, 0.625, 1}},
		{[]float32{-4, 0, 2}, []float32{0, 0.5, 0.75}},
		{[]float32{-1}, []float32{0}},
		{[]float32{0, 0}, []float32{0.5, 0.5}},
		{[]float32{1, nan}, []float32{0.5, 0.5}},
		{[]float32{1, -inf}, []float32{0.5, 0.5}},
	} {
		if got := Signed(row(test.in...)); !slices.Equal(got.Values, test.want) {
			t.Errorf("Signed(%v) = %v, want %v", test.in, got.Values, test.want)
		}
	}
}

func FuzzScale(f *testing.F) {
	f.Add(uint32(0), uint32(0x7f800000), uint32(0xff7fffff))
	f.Add(uint32(0x7fc00000), uint32(1), uint32(0x80000001))
	f.Fuzz(func(t *testing.T, a, b, c uint32) {
		g := row(math.Float32frombits(a), math.Float32frombits(b), math.Float32frombits(c))
		for name, scale := range map[string]func(explain.Grid) explain.Grid{"Positive": Positive, "Signed": Signed} {
			for _, v := range scale(g).Values {
				if !(v >= 0 && v <= 1) {
					t.Errorf("%s(%v) holds %v", name, g.Values, v)
				}
			}
		}
	})
}

func sameBits(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }
