package heatmap

import (
	"bytes"
	"image"
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

// As numpy.percentile, of what is drawn.
func TestScale(t *testing.T) {
	ten := []float32{7, 1, 2, 0, 4, 5, 3, 100, 8, 6}
	for _, test := range []struct {
		percentile float64
		signed     bool
		values     []float32
		want       float32
	}{
		{100, false, ten, 100},
		{99, false, ten, 91.72},
		{95, false, ten, 58.6},
		{50, false, ten, 4.5},
		{0, false, ten, 100}, // the percentile is 0
		{90, true, []float32{-8, 1, -2, 3}, 6.5},
		{90, false, []float32{-8, 1, -2, 3}, 2.4},
		{40, false, []float32{-8, 1, -2, 3}, 0.2},
		{30, false, []float32{-8, 1, -2, 3}, 3},
		{100, true, []float32{-8, 1, -2, 3}, 8},
		{99, true, []float32{-8}, 8},
		{99, false, []float32{-8, 0}, 0},
		{99, false, []float32{1, nan}, 0},
		{99, true, []float32{1, -inf}, 0},
		{99, true, nil, 0},
	} {
		if got := Scale(row(test.values...), test.percentile, test.signed); math.Abs(float64(got-test.want)) > 1e-5 {
			t.Errorf("percentile %g of %v, signed %v: %g, want %g", test.percentile, test.values, test.signed, got, test.want)
		}
	}
}

// Values beyond the scale have the full color, values below the base none.
func TestOverlayScale(t *testing.T) {
	img := photo(4, 1)
	rdbu, _ := LookupColorMap("rdbu_r")
	for _, test := range []struct {
		options Options
		want    explain.Grid
	}{
		{Options{Heat: row(-5, 1, 2, 4000), Scale: 4}, row(0, 0.25, 0.5, 1)},
		{Options{Heat: row(-5, 1, 2, 4000), Scale: 4, Map: rdbu}, row(0, 0.625, 0.75, 1)},
		{Options{Heat: row(-5, 1, 2, 4), Base: 1}, row(0, 0, 1./3, 1)},
		{Options{Heat: row(-5, -4, -3, 4), Base: -5, Scale: -1}, row(0, 0.25, 0.5, 1)},
	} {
		want := Blend(img, test.want, test.options.Map, DefaultAlpha)
		if test.options.Map.Diverging() {
			want = Blend(gray(img), test.want, test.options.Map, DefaultSignedAlpha)
		}
		if got := Paint(img, test.options); !bytes.Equal(got.Image.(*image.RGBA).Pix, want.Pix) {
			t.Errorf("%+v: other colors than those of %v", test.options, test.want.Values)
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
