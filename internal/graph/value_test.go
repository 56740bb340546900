package graph

import (
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestShapeString(t *testing.T) {
	for _, test := range []struct {
		shape    Shape
		want     string
		elements int
	}{
		{Shape{}, "[]", 1},
		{nil, "[]", 1},
		{Shape{6}, "[6]", 6},
		{Shape{-1, 227, 227, 3}, "[N,227,227,3]", 227 * 227 * 3},
		{Shape{3, 0, 2}, "[3,0,2]", 0},
	} {
		if got := test.shape.String(); got != test.want {
			t.Errorf("%v is written %s, want %s", []int(test.shape), got, test.want)
		}
		if got := test.shape.Elements(); got != test.elements {
			t.Errorf("%v has %d elements, want %d", test.shape, got, test.elements)
		}
	}
}

func TestValuesComeBackAsTheyWent(t *testing.T) {
	floats := []float32{0, float32(math.Copysign(0, -1)), 1.5, math.MaxFloat32, math.SmallestNonzeroFloat32, float32(math.Inf(-1))}
	if got := FromFloat32s(Shape{2, 3}, floats).Float32s(); !slices.Equal(got, floats) || !math.Signbit(float64(got[1])) {
		t.Errorf("float32: %v", got)
	}
	nan := FromFloat32s(Shape{}, []float32{float32(math.NaN())})
	if got := nan.Float32(); got == got {
		t.Errorf("NaN came back as %v", got)
	}
	int64s := []int64{math.MinInt64, -1, 0, math.MaxInt64}
	if got := FromInt64s(Shape{4}, int64s).Int64s(); !slices.Equal(got, int64s) {
		t.Errorf("int64: %v", got)
	}
	int32s := []int32{math.MinInt32, -1, 0, math.MaxInt32}
	if got := to[int32](FromInt32s(Shape{2, 2}, int32s), Int32); !slices.Equal(got, int32s) {
		t.Errorf("int32: %v", got)
	}
	bytes := []uint8{0, 1, 127, 128, 255}
	if got := to[uint8](FromUint8s(Shape{5, 1}, bytes), Uint8); !slices.Equal(got, bytes) {
		t.Errorf("uint8: %v", got)
	}
	if got := FromFloat32s(Shape{0, 3}, nil).Float32s(); len(got) != 0 {
		t.Errorf("nothing came back as %v", got)
	}
}

func TestValueIsACopy(t *testing.T) {
	buf := []float32{1, 2}
	v := FromFloat32s(Shape{2}, buf)
	buf[0] = 9
	v.Float32s()[1] = 9
	if got := v.Float32s(); got[0] != 1 || got[1] != 2 {
		t.Errorf("the value shares a buffer: %v", got)
	}
}

func TestValueSaysWhatItIs(t *testing.T) {
	for _, test := range []struct {
		value Value
		dtype DType
		shape string
		size  int64
	}{
		{FromUint8s(Shape{2, 2}, make([]uint8, 4)), Uint8, "[2,2]", 4},
		{FromFloat32s(Shape{3}, make([]float32, 3)), Float, "[3]", 12},
		{FromInt32s(Shape{3}, make([]int32, 3)), Int32, "[3]", 12},
		{FromInt64s(Shape{}, make([]int64, 1)), Int64, "[]", 8},
		{FromStrings([]string{"a", "b"}), String, "[2]", 8},
	} {
		v := test.value
		if v.DType() != test.dtype || v.Shape().String() != test.shape || v.size() != test.size {
			t.Errorf("got type %v, shape %v, %d bytes; want %v, %v, %d", v.DType(), v.Shape(), v.size(), test.dtype, test.shape, test.size)
		}
	}
}

// Wrong types and sizes are the programmer's mistakes: they panic, and say
// what was got.
func TestValueMisused(t *testing.T) {
	for want, use := range map[string]func(){
		"3 elements do not fill [2,2]": func() { FromFloat32s(Shape{2, 2}, make([]float32, 3)) },
		"read as":                      func() { FromInt64s(Shape{1}, []int64{1}).Float32s() },
	} {
		func() {
			defer func() {
				if got, _ := recover().(string); !strings.Contains(got, want) {
					t.Errorf("panic %q, want %q", got, want)
				}
			}()
			use()
		}()
	}
}

// A value's memory is C's and freed by a finaliser. Reading must keep it alive
// to the end, even if nobody holds the value any more; where it does not, this
// crashes within a second.
func TestValueLivesWhileItIsRead(t *testing.T) {
	want := make([]float32, 256)
	for i := range want {
		want[i] = float32(i)
	}
	until := time.Now().Add(2 * time.Second)
	var all sync.WaitGroup
	all.Go(func() { // frees what can be freed, all the time
		for time.Now().Before(until) {
			runtime.GC()
		}
	})
	for range 4 {
		all.Go(func() {
			for time.Now().Before(until) {
				if got := FromFloat32s(Shape{len(want)}, want).Float32s(); !slices.Equal(got, want) {
					t.Errorf("read %v..., want %v...", got[:4], want[:4])
					return
				}
			}
		})
	}
	all.Wait()
}
