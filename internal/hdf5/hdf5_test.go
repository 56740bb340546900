package hdf5

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
)

func keras(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/keras.weights.h5") // of Keras 3.10, a convolution, a normalization, a dense layer
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func readAll(b []byte) (*File, error) { return Read(bytes.NewReader(b), int64(len(b))) }

// The first values are those that scigolib/hdf5 0.13.4 reads.
func TestRead(t *testing.T) {
	b := keras(t)
	f, err := readAll(b)
	if err != nil {
		t.Fatal(err)
	}
	for group, name := range map[string]string{"layers/conv2d/vars": "conv1", "layers/batch_normalization/vars": "bn1", "layers/dense/vars": "fc", "layers/flatten/vars": "flatten", "vars": "sequential"} {
		if got := f.Groups[group]["name"]; !reflect.DeepEqual(got, []string{name}) {
			t.Errorf("%s is called %q, want %s", group, got, name)
		}
	}
	if len(f.Arrays) != 8 || len(f.Groups) != 11 {
		t.Errorf("%d arrays and %d groups, want 8 and 11", len(f.Arrays), len(f.Groups))
	}
	for path, want := range map[string]struct {
		shape []int
		first float32
	}{
		"layers/conv2d/vars/0": {[]int{3, 3, 3, 4}, -0.14874854683876038}, "layers/dense/vars/0": {[]int{784, 3}, 0.015936873853206635},
		"layers/dense/vars/1": {[]int{3}, 0}, "layers/batch_normalization/vars/3": {[]int{4}, 1},
	} {
		a := f.Arrays[path]
		if !reflect.DeepEqual(a.Shape, want.shape) || a.Type != "F32" {
			t.Fatalf("%s is %+v", path, a)
		}
		if got := math.Float32frombits(binary.LittleEndian.Uint32(b[a.Offset:])); got != want.first {
			t.Errorf("%s begins with %v, want %v", path, got, want.first)
		}
	}
}

// check fails unless every array lies in the file.
func check(t *testing.T, b []byte) (damaged bool) {
	t.Helper()
	f, err := readAll(b)
	if err != nil {
		return true
	}
	for path, a := range f.Arrays {
		if a.Offset < 0 || a.Bytes < 0 || a.Offset+a.Bytes > int64(len(b)) {
			t.Fatalf("%s lies at %d to %d of %d", path, a.Offset, a.Offset+a.Bytes, len(b))
		}
		n := int64(1)
		for _, d := range a.Shape {
			n *= int64(d)
		}
		if size := map[string]int64{"F16": 2, "F32": 4, "F64": 8}[a.Type]; size > 0 && n*size != a.Bytes {
			t.Fatalf("%s of %v has %d bytes", path, a.Shape, a.Bytes)
		}
	}
	return false
}

// Damaged files are errors, or give arrays that lie in the file.
func TestDamaged(t *testing.T) {
	whole, errors := keras(t), 0
	r := rand.New(rand.NewPCG(1, 2))
	const runs = 5_000
	for range runs {
		b := bytes.Clone(whole)
		for range 1 + r.IntN(4) {
			at := r.IntN(len(b))
			if r.IntN(4) > 0 {
				at = r.IntN(10_000) // groups and headers
			}
			switch r.IntN(4) {
			case 0:
				b[at] = byte(r.IntN(256))
			case 1:
				b[at] = 0xff
			case 2:
				binary.LittleEndian.PutUint64(b[at&^7:][:8], r.Uint64()>>r.IntN(64))
			case 3: // an address of something else
				binary.LittleEndian.PutUint64(b[at&^7:][:8], uint64(r.IntN(10_000)&^7))
			}
		}
		if check(t, b) {
			errors++
		}
	}
	t.Logf("%d of %d damaged files are errors", errors, runs)
	if errors < runs/10 {
		t.Errorf("%d of %d damaged files are errors", errors, runs)
	}
	for n := 0; n < 9000; n += 7 { // the last array lies at the end
		if !check(t, whole[:n]) {
			t.Fatalf("the first %d bytes are a file", n)
		}
	}
}

func TestRefused(t *testing.T) {
	change := func(at int, v byte) []byte {
		b := keras(t)
		b[at] = v
		return b
	}
	for want, b := range map[string][]byte{
		"not a HDF5 file":               []byte(strings.Repeat("no HDF5 ", 20)),
		"lie outside its 3":             []byte("abc"),
		"its superblock has version 2;": change(8, 2),
		"its addresses have 4 bytes":    change(13, 4),
	} {
		if _, err := readAll(b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(keras(f))
	f.Fuzz(func(t *testing.T, b []byte) { check(t, b) })
}
