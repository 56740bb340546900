package weights

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// file writes a header and data as safetensors, and returns the path.
func file(t *testing.T, header string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "weights.safetensors")
	if err := os.WriteFile(path, bytesOf(header, data), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func bytesOf(header string, data []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if err == nil || !strings.Contains(err.Error(), w) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want one line with %q", err, w)
		}
	}
}

// By hand: every type of number, and one that is none.
func TestSafetensors(t *testing.T) {
	data := []byte{
		0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0, // 1, -2.5
		0xc0, 0x3f, 0x80, 0xff, // bfloat16: 1.5, -infinity
		0, 0x3c, 0, 0xc1, // float16: 1, -2.5
		0, 0, 0, 0, 0, 0, 0x08, 0x40, // float64: 3
		7, 0, 0, 0, 0, 0, 0, 0,
	}
	path := file(t, `{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},
		"b":{"dtype":"BF16","shape":[2],"data_offsets":[8,12]},"c":{"dtype":"F16","shape":[1,2],"data_offsets":[12,16]},
		"d":{"dtype":"F64","shape":[],"data_offsets":[16,24]},"e":{"dtype":"I64","shape":[1],"data_offsets":[24,32]}}`, data)
	f, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.read(t.Context(), []string{"a", "b", "c", "d"})
	want := [][]float32{{1, -2.5}, {1.5, float32(math.Inf(-1))}, {1, -2.5}, {3}}
	if err != nil || !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("values %v, %v; want %v", got, err, want)
	}
	if e := f.tensors["e"]; e.number || !slices.Equal(e.shape, []int{1}) {
		t.Errorf("e is %+v", e)
	}
}

func TestHalf(t *testing.T) {
	for bits, want := range map[uint16]float32{0: 0, 1: 5.9604645e-8, 0x3ff: 6.097555e-5, 0x400: 6.1035156e-5, 0x3555: 0.33325195, 0x7bff: 65504, 0xfc00: float32(math.Inf(-1)), 0x8001: -5.9604645e-8} {
		if got := half(bits); got != want {
			t.Errorf("%04x is %g, want %g", bits, got, want)
		}
	}
	if v := half(0x7e00); v == v {
		t.Errorf("7e00 is %g, want no number", v)
	}
}

func TestSafetensorsRefusals(t *testing.T) {
	tensor := func(dtype string, shape, offsets string) string {
		return fmt.Sprintf(`{"a":{"dtype":%q,"shape":%s,"data_offsets":%s}}`, dtype, shape, offsets)
	}
	for _, test := range []struct {
		header string
		words  []string
	}{
		{tensor("F32", "[2]", "[0,12]"), []string{`tensor "a" lies at 0 to 12 of 8 bytes`}},
		{tensor("F32", "[2]", "[-4,4]"), []string{`lies at -4 to 4`}},
		{tensor("F32", "[2]", "[8,0]"), []string{`lies at 8 to 0`}},
		{tensor("F32", "[3]", "[0,8]"), []string{`has 8 bytes, and F32 [3] takes 4 each`}},
		{tensor("F32", "[4294967296,4294967296]", "[0,8]"), []string{`is more than the file holds`}},
		{tensor("F32", "[-1]", "[0,8]"), []string{`is more than the file holds`}},
		{tensor("F32", "[1,1,1,1,1,1,1,1,1]", "[0,8]"), []string{`9 dimensions`}},
		{tensor("C64", "[1]", "[0,8]"), []string{`type "C64"`}},
		{`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}`, []string{`tensors "a" and "b" share bytes`}},
		{`{"a":{"dtype":1}}`, []string{`tensor "a" is damaged`}},
		{`{"a":`, []string{"header", "damaged"}},
		{"{" + strings.Repeat(`"a":0,`, 8*maxTensors) + `"b":0}`, []string{"want at most 100000 tensors"}},
		{`[1]`, []string{"no file of weights that oscar reads"}},
	} {
		_, err := Open(t.Context(), file(t, test.header, make([]byte, 8)))
		wantError(t, err, append(test.words, "weights.safetensors")...)
	}
	for name, content := range map[string]string{
		"empty": "", "short": "abc", "far": "\xff\xff\xff\xff\xff\xff\xff\xff{}", "text.txt": "these are no weights at all",
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := Open(t.Context(), path)
		wantError(t, err, name)
	}
	for name, word := range map[string]string{"m.h5": "weights-to-safetensors", "m.pth": "PyTorch", "m.keras": "damaged archive"} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte("PK\x03\x04 and more"), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := Open(t.Context(), path)
		wantError(t, err, word, "scripts/weights-to-safetensors")
	}
	_, err := Open(t.Context(), filepath.Join(t.TempDir(), "none"))
	wantError(t, err, "no such file")
	_, err = Open(t.Context(), t.TempDir())
	wantError(t, err, "no run and no SavedModel of oscar's", "--from")
}

// Whatever a header says, no tensor has more values than the file has bytes.
func FuzzSafetensors(f *testing.F) {
	f.Add([]byte(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`), 8)
	f.Add([]byte(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"I64","shape":[0],"data_offsets":[4,4]}}`), 8)
	f.Add([]byte(`{"__metadata__":{},"a":{"dtype":"BF16","shape":[],"data_offsets":[0,2]}}`), 2)
	f.Fuzz(func(t *testing.T, header []byte, data int) {
		if data < 0 {
			return
		}
		tensors, err := parseHeader(header, int64(data))
		total := int64(0)
		for name, s := range tensors {
			n := int64(1)
			for _, d := range s.Shape {
				n *= int64(d)
			}
			if n < 0 || n > int64(data) || s.Offsets[0] < 0 || s.Offsets[1] > int64(data) {
				t.Errorf("%s: %+v of %d bytes", name, s, data)
			}
			total += s.Offsets[1] - s.Offsets[0]
		}
		if err == nil && total > int64(data) {
			t.Errorf("%d bytes of tensors in %d", total, data)
		}
		var any map[string]json.RawMessage
		if json.Unmarshal(header, &any) != nil && err == nil {
			t.Errorf("%q is no object", header)
		}
	})
}
