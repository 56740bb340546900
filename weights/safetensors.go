package weights

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"oscar/internal/jsonerror"
	"oscar/internal/paths"
)

// maxHeader is the maximum length of a safetensors header, in bytes.
const maxHeader = 100_000_000

// safetensor is a tensor in a header. Its offsets start at the end of the header.
type safetensor struct {
	DType   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// openSafetensors reads the header: its length in 8 bytes, and an object of tensors.
//
//	| length | {"fc.bias": {"dtype": "F32", "shape": [6], "data_offsets": [0, 24]}, ...} | data |
func openSafetensors(path string) (*File, error) {
	f, err := paths.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	var length [8]byte
	if _, err := io.ReadFull(f, length[:]); err != nil {
		return nil, errNotWeights
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n < 2 || n > maxHeader || int64(n) > info.Size()-8 {
		return nil, errNotWeights
	}
	header := make([]byte, n)
	if _, err := io.ReadFull(f, header); err != nil {
		return nil, err
	}
	if header[0] != '{' {
		return nil, errNotWeights
	}
	start := int64(n) + 8
	tensors, err := parseHeader(header, info.Size()-start)
	if err != nil {
		return nil, fmt.Errorf("its header: %w", err)
	}
	out := &File{Format: "safetensors", tensors: map[string]tensor{}}
	for name, t := range tensors {
		_, number := numbers[t.DType]
		out.tensors[name] = tensor{t.Shape, number}
	}
	out.read = func(_ context.Context, names []string) ([][]float32, error) {
		f, err := paths.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		values := make([][]float32, len(names))
		for i, name := range names {
			t := tensors[name]
			kind := numbers[t.DType]
			if values[i], err = readNumbers(f, start+t.Offsets[0], t.Offsets[1]-t.Offsets[0], kind.size, kind.read); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
		return values, nil
	}
	return out, nil
}

// errNotWeights is the error for a file with an unknown beginning.
var errNotWeights = fmt.Errorf("it is no file of weights that oscar reads: safetensors, a file of Keras, a TensorFlow checkpoint, a run or a SavedModel of oscar's")

// parseHeader parses a header of tensors with data bytes in total. Each tensor must have the size of
// its shape and must not overlap another.
func parseHeader(header []byte, data int64) (map[string]safetensor, error) {
	// A tensor has at most four colons and a name, so counting colons limits the work.
	if n := bytes.Count(header, []byte(":")); n > 8*maxTensors {
		return nil, fmt.Errorf("it has %d keys; want at most %d tensors", n, maxTensors)
	}
	all := map[string]json.RawMessage{}
	if err := jsonerror.Plain(json.Unmarshal(header, &all)); err != nil {
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	delete(all, "__metadata__")
	if len(all) > maxTensors {
		return nil, fmt.Errorf("it has %d tensors, more than %d", len(all), maxTensors)
	}
	tensors := map[string]safetensor{}
	names := make([]string, 0, len(all))
	for name, text := range all {
		var t safetensor
		if err := jsonerror.Plain(json.Unmarshal(text, &t)); err != nil {
			return nil, fmt.Errorf("tensor %q is damaged: %w", name, err)
		}
		size := others[t.DType]
		if number, ok := numbers[t.DType]; ok {
			size = number.size
		}
		begin, end := t.Offsets[0], t.Offsets[1]
		switch n, err := elements(t.Shape, data); {
		case size == 0:
			return nil, fmt.Errorf("tensor %q is of type %q, which is not known", name, t.DType)
		case err != nil:
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		case begin < 0 || end < begin || end > data:
			return nil, fmt.Errorf("tensor %q lies at %d to %d of %d bytes", name, begin, end, data)
		case (end-begin)%int64(size) != 0 || (end-begin)/int64(size) != n:
			return nil, fmt.Errorf("tensor %q has %d bytes, and %s %v takes %d each", name, end-begin, t.DType, t.Shape, size)
		}
		tensors[name] = t
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		x, y := tensors[a].Offsets, tensors[b].Offsets
		if d := x[0] - y[0]; d != 0 {
			return int(min(max(d, -1), 1))
		}
		if d := x[1] - y[1]; d != 0 {
			return int(min(max(d, -1), 1))
		}
		return strings.Compare(a, b)
	})
	for i := 1; i < len(names); i++ {
		if tensors[names[i]].Offsets[0] < tensors[names[i-1]].Offsets[1] {
			return nil, fmt.Errorf("tensors %q and %q share bytes", names[i-1], names[i])
		}
	}
	return tensors, nil
}
