// Package npy writes and reads float32 arrays as NumPy's .npy files, version
// 1.0: little-endian, C order, any rank. oscar writes raw maps in this format:
//
//	numpy.load("map.npy")  # float32, shape (13, 13)
//
// The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
package npy

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"oscar/internal/atomicfile"
	"oscar/internal/paths"
)

const (
	magic   = "\x93NUMPY"
	prefix  = len(magic) + 2 + 2 // magic, version, length of the header text
	align   = 64                 // the values start at a multiple of this
	maxRank = 64                 // NumPy's own limit
)

// Write writes values, row-major of the given shape, to the file path. It is atomic and replaces an
// older file. An empty shape is a scalar: one value.
func Write(path string, shape []int, values []float32) error {
	data, err := Encode(shape, values)
	if err != nil {
		return fmt.Errorf("npy: write %s: %w", path, err)
	}
	if err := atomicfile.Draft(path, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	}); err != nil {
		return fmt.Errorf("npy: %w", err)
	}
	return nil
}

// Read reads a file of [Write] or numpy.save. Arrays that are not little-endian float32
// in C order are errors that name the type.
func Read(path string) (shape []int, values []float32, err error) {
	data, err := paths.ReadFile(path, paths.Graph)
	if err != nil {
		return nil, nil, fmt.Errorf("npy: %w", err)
	}
	shape, values, err = Decode(data)
	if err != nil {
		return nil, nil, fmt.Errorf("npy: read %s: %w", path, err)
	}
	return shape, values, nil
}

// Encode returns the content of a .npy file, see [Write].
func Encode(shape []int, values []float32) ([]byte, error) {
	count, err := size(shape)
	if err != nil {
		return nil, err
	}
	if count != len(values) {
		return nil, fmt.Errorf("%d values for the shape %s; want %d", len(values), tuple(shape), count)
	}
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': %s, }", tuple(shape))
	if len(shape) > 0 { // NumPy reserves room for the first dimension to grow
		header += strings.Repeat(" ", 21-len(strconv.Itoa(shape[0])))
	}
	header += strings.Repeat(" ", align-(prefix+len(header)+1)%align) + "\n" // 1 to 64 spaces, as NumPy

	data := make([]byte, 0, prefix+len(header)+4*count)
	data = append(data, magic+"\x01\x00"...)
	data = binary.LittleEndian.AppendUint16(data, uint16(len(header)))
	data = append(data, header...)
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return data, nil
}

// Decode reads the content of a .npy file, see [Read].
func Decode(data []byte) ([]int, []float32, error) {
	if len(data) < prefix || string(data[:len(magic)]) != magic {
		return nil, nil, fmt.Errorf("not a .npy file")
	}
	if major, minor := data[6], data[7]; major != 1 || minor != 0 {
		return nil, nil, fmt.Errorf("format version %d.%d; want 1.0", major, minor)
	}
	start := prefix + int(binary.LittleEndian.Uint16(data[8:]))
	if len(data) < start {
		return nil, nil, fmt.Errorf("the header is cut off at byte %d of %d", len(data), start)
	}
	shape, err := parseHeader(string(data[prefix:start]))
	if err != nil {
		return nil, nil, err
	}
	count, err := size(shape)
	if err != nil {
		return nil, nil, err
	}
	body := data[start:]
	if len(body)%4 != 0 || len(body)/4 != count {
		return nil, nil, fmt.Errorf("%d bytes of values for the shape %s; want 4 x %d", len(body), tuple(shape), count)
	}
	values := make([]float32, count)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(body[4*i:]))
	}
	return shape, values, nil
}

// size returns the number of values of a shape: 1 for a scalar.
func size(shape []int) (int, error) {
	if len(shape) > maxRank {
		return 0, fmt.Errorf("a shape of %d dimensions; want at most %d", len(shape), maxRank)
	}
	count := 1
	for _, n := range shape {
		if n < 0 {
			return 0, fmt.Errorf("shape %s has a negative dimension", tuple(shape))
		}
		if n > 0 && count > math.MaxInt/4/n {
			return 0, fmt.Errorf("shape %s has more values than memory can hold", tuple(shape))
		}
		count *= n
	}
	return count, nil
}

// tuple formats a shape as in Python: (), (3,), (2, 3).
func tuple(shape []int) string {
	parts := make([]string, len(shape))
	for i, n := range shape {
		parts[i] = strconv.Itoa(n)
	}
	if len(parts) == 1 {
		return "(" + parts[0] + ",)"
	}
	return "(" + strings.Join(parts, ", ") + ")"
}
