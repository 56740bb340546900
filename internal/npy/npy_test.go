package npy

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/quick"
)

// The bytes of numpy.save("x.npy", numpy.array([[1, -2, 0.5], [0, numpy.inf,
// 1e-45]], numpy.float32)), with numpy 2.4.6: 128 bytes of header, then six
// little-endian float32.
var golden = []byte("\x93NUMPY\x01\x00\x76\x00" +
	"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }" + strings.Repeat(" ", 58) + "\n" +
	"\x00\x00\x80\x3f\x00\x00\x00\xc0\x00\x00\x00\x3f" +
	"\x00\x00\x00\x00\x00\x00\x80\x7f\x01\x00\x00\x00")

var goldenValues = []float32{1, -2, 0.5, 0, float32(math.Inf(1)), math.SmallestNonzeroFloat32}

func TestBytesAreNumPys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	if err := Write(path, []int{2, 3}, goldenValues); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, golden) {
		t.Errorf("wrote %q\nwant  %q", got, golden)
	}
	shape, values, err := Read(path)
	if err != nil || !slices.Equal(shape, []int{2, 3}) || !slices.Equal(values, goldenValues) {
		t.Errorf("read back %v %v, %v", shape, values, err)
	}
}

func TestAnyRank(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	for _, shape := range [][]int{{}, {1}, {7}, {0}, {3, 0, 2}, {2, 3, 4, 5}, {1, 1, 1, 1, 1, 1, 1, 1}} {
		count, _ := size(shape)
		values := make([]float32, count)
		for i := range values {
			values[i] = float32(i) / 3
		}
		if err := Write(path, shape, values); err != nil {
			t.Fatal(err)
		}
		gotShape, gotValues, err := Read(path)
		if err != nil || !slices.Equal(gotShape, shape) || !slices.Equal(gotValues, values) {
			t.Errorf("shape %v: read back %v, %d values, %v", shape, gotShape, len(gotValues), err)
		}
	}
}

func TestRoundTripKeepsEveryBit(t *testing.T) {
	same := func(bits []uint32) bool {
		values := make([]float32, len(bits))
		for i, b := range bits {
			values[i] = math.Float32frombits(b)
		}
		data, err := Encode([]int{len(values)}, values)
		if err != nil {
			return false
		}
		_, got, err := Decode(data)
		return err == nil && slices.EqualFunc(got, bits, func(v float32, b uint32) bool { return math.Float32bits(v) == b })
	}
	if err := quick.Check(same, nil); err != nil {
		t.Error(err)
	}
}

func TestFailedWriteLeavesOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.npy")
	if err := Write(path, []int{1}, []float32{1}); err != nil {
		t.Fatal(err)
	}
	err := Write(path, []int{2, 2}, []float32{1, 2, 3})
	if err == nil || !strings.Contains(err.Error(), "3 values for the shape (2, 2); want 4") {
		t.Errorf("error %v", err)
	}
	if _, values, err := Read(path); err != nil || !slices.Equal(values, []float32{1}) {
		t.Errorf("the old file now reads %v, %v", values, err)
	}
	if err := Write(filepath.Join(dir, "none", "x.npy"), []int{}, []float32{1}); err == nil {
		t.Error("no error for a folder that is not there")
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(dir, "folder"), []int{}, []float32{1}); err == nil {
		t.Error("no error for a folder in the file's place")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestRefusals(t *testing.T) {
	edit := func(from, to string) []byte { return bytes.Replace(golden, []byte(from), []byte(to), 1) }
	for _, test := range []struct {
		data []byte
		want string
	}{
		{nil, "not a .npy file"},
		{[]byte("PNG and more of it"), "not a .npy file"},
		{edit("\x01\x00\x76", "\x02\x00\x76"), "format version 2.0; want 1.0"},
		{golden[:50], "the header is cut off at byte 50 of 128"},
		{golden[:len(golden)-1], "23 bytes of values for the shape (2, 3); want 4 x 6"},
		{append(slices.Clone(golden), 0, 0, 0, 0), "28 bytes of values for the shape (2, 3); want 4 x 6"},
		{edit("<f4", "<f8"), "values of type '<f8'; want '<f4', little-endian float32"},
		{edit("False", "True "), "values in Fortran order; want C order"},
		{edit("shape", "shade"), "lacks descr, fortran_order or shape"},
		{edit("(2, 3)", "(2, -3)"), "lacks descr, fortran_order or shape"},
		{edit("(2, 3), }               ", "(4611686018427387904, 8), }"), "more values than memory can hold"},
		{edit("(2, 3), }                   ", "(99999999999999999999999), }"), "is not a number that fits"},
	} {
		_, _, err := Decode(test.data)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error %v\nwant  %s", err, test.want)
		}
	}
	if _, err := Encode([]int{-1}, nil); err == nil {
		t.Error("no error for a negative dimension")
	}
	if _, err := Encode(make([]int, 65), nil); err == nil {
		t.Error("no error for 65 dimensions")
	}
	_, _, err := Read(filepath.Join(t.TempDir(), "none.npy"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want one that wraps fs.ErrNotExist", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(golden)
	f.Add(golden[:20])
	f.Fuzz(func(t *testing.T, data []byte) {
		shape, values, err := Decode(data)
		if err != nil {
			return
		}
		again, err := Encode(shape, values)
		if err != nil {
			t.Fatalf("read shape %v but cannot write it: %v", shape, err)
		}
		if _, got, err := Decode(again); err != nil || len(got) != len(values) {
			t.Fatalf("round trip of shape %v: %d values, %v", shape, len(got), err)
		}
	})
}
