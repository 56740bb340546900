package weights

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"oscar/internal/hdf5"
	"oscar/internal/paths"
)

// File is an opened file of weights.
type File struct {
	Path    string
	Format  string // for messages, such as "safetensors"
	tensors map[string]tensor
	read    func(ctx context.Context, names []string) ([][]float32, error) // reads numeric tensors, row-major
}

// tensor describes a tensor of a file.
type tensor struct {
	shape  []int
	number bool // has floating-point numbers
}

// The maximum numbers of tensors in a file, and of dimensions of a tensor.
const maxTensors, maxDimensions = 100_000, 8

// Open reads the list of tensors in a file. A folder must be a run of oscar or a SavedModel. A
// TensorFlow checkpoint is named without .index.
func Open(ctx context.Context, path string) (*File, error) {
	var f *File
	var err error
	switch info, stat := os.Stat(path); {
	case stat == nil && info.IsDir():
		f, err = openFolder(ctx, path)
	case paths.Exists(path + ".index"):
		f, err = openBundle(ctx, path)
	case strings.HasSuffix(path, ".index"):
		f, err = openBundle(ctx, strings.TrimSuffix(path, ".index"))
	case stat != nil:
		return nil, fmt.Errorf("weights: no such file: %s", path)
	default:
		f, err = openFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("weights %s: %w", path, err)
	}
	f.Path = path
	return f, nil
}

// openFile detects the format by the first bytes.
func openFile(path string) (*File, error) {
	head, err := beginning(path, 10)
	if err != nil {
		return nil, err
	}
	switch ext := strings.ToLower(filepath.Ext(path)); {
	case strings.HasPrefix(string(head), hdf5.Magic), ext == ".h5", ext == ".hdf5", ext == ".keras":
		return openKeras(path)
	case strings.HasPrefix(string(head), "PK\x03\x04"), len(head) > 1 && head[0] == 0x80 && head[1] <= 5, ext == ".pth", ext == ".pt", ext == ".bin":
		return nil, fmt.Errorf("it is a state dict of PyTorch's, which can run code when it is read; %s", convert(path))
	}
	return openSafetensors(path)
}

// convert returns advice about converting a file to safetensors.
func convert(path string) string {
	return fmt.Sprintf("scripts/weights-to-safetensors %s %s makes a file of it that can be read", path, strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))+".safetensors")
}

// beginning returns at most n first bytes.
func beginning(path string, n int) ([]byte, error) {
	f, err := paths.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, n)
	got, err := f.ReadAt(b, 0)
	if got == 0 && err != nil {
		return nil, fmt.Errorf("it is empty")
	}
	return b[:got], nil
}

// elements returns the number of values of a shape, or an error if it exceeds most.
func elements(shape []int, most int64) (int64, error) {
	if len(shape) > maxDimensions {
		return 0, fmt.Errorf("it has %d dimensions, more than %d", len(shape), maxDimensions)
	}
	n := int64(1)
	for _, d := range shape {
		if d < 0 || d > 0 && n > most/int64(d) {
			return 0, fmt.Errorf("its shape %v is more than the file holds", shape)
		}
		n *= int64(d)
	}
	return n, nil
}

// numbers are the floating-point types by their safetensors names, each with size in bytes and
// decoder.
var numbers = map[string]struct {
	size int
	read func([]byte) float32
}{
	"F64":  {8, func(b []byte) float32 { return float32(math.Float64frombits(binary.LittleEndian.Uint64(b))) }},
	"F32":  {4, func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }},
	"BF16": {2, func(b []byte) float32 { return math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16) }},
	"F16":  {2, func(b []byte) float32 { return half(binary.LittleEndian.Uint16(b)) }},
}

// others are the sizes in bytes of the other types, which variables never have.
var others = map[string]int{"I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1}

// readNumbers reads numbers of a type at an offset.
func readNumbers(r io.ReaderAt, at, bytes int64, size int, read func([]byte) float32) ([]float32, error) {
	b := make([]byte, bytes)
	if _, err := r.ReadAt(b, at); err != nil {
		return nil, err
	}
	values := make([]float32, len(b)/size)
	for k := range values {
		values[k] = read(b[k*size:])
	}
	return values, nil
}

// half decodes IEEE 754 binary16.
func half(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10&31), uint32(h&1023)
	switch exponent {
	case 0: // subnormal
		v := float32(math.Ldexp(float64(fraction), -24))
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31: // infinite or NaN
		return math.Float32frombits(sign | 255<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}
