package savedmodel

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"oscar/internal/graph"
	"oscar/internal/paths"
)

// BundleTensor describes a tensor in the index of a tensor bundle (a TensorFlow checkpoint).
type BundleTensor struct {
	Name  string
	Shape graph.Shape
	Float bool // of float32
	Bytes int64
}

// Limits of an index. Real ones are smaller.
const (
	maxIndex    = 1 << 28 // bytes
	maxEntries  = 100_000
	longestName = 4096
)

// ReadIndex lists the tensors of the bundle at prefix without reading the values.
//
// The file <prefix>.index is a LevelDB table: blocks of keys and values, then a block that lists
// these blocks, then a footer with the position of that block.
func ReadIndex(prefix string) ([]BundleTensor, error) {
	file, err := paths.ReadFile(prefix+".index", maxIndex)
	if err != nil {
		return nil, err
	}
	tensors, err := parseIndex(file)
	if err != nil {
		return nil, fmt.Errorf("%s.index: %w", prefix, err)
	}
	return tensors, nil
}

var errIndex = errors.New("it is no index of a TensorFlow checkpoint, or is damaged")

func parseIndex(file []byte) (tensors []BundleTensor, err error) {
	const footer, magic = 48, 0xdb4775248b80fb57
	if len(file) < footer || binary.LittleEndian.Uint64(file[len(file)-8:]) != magic {
		return nil, errIndex
	}
	at := file[len(file)-footer:]
	for range 2 { // skip the handle of another block, which is empty
		if _, at, err = number(at); err != nil {
			return nil, err
		}
	}
	entries := 0
	err = eachEntry(file, at, &entries, func(_, handle []byte) error {
		return eachEntry(file, handle, &entries, func(key, value []byte) error {
			if len(key) == 0 { // the header
				return nil
			}
			e := &pb.BundleEntryProto{}
			if err := proto.Unmarshal(value, e); err != nil {
				return errIndex
			}
			t := BundleTensor{Name: string(key), Shape: graph.Shape{}, Float: e.Dtype == types_go_proto.DataType_DT_FLOAT, Bytes: e.Size}
			for _, d := range e.GetShape().GetDim() {
				t.Shape = append(t.Shape, int(d.Size))
			}
			tensors = append(tensors, t)
			return nil
		})
	})
	return tensors, err
}

// eachEntry calls visit for each key and value of a block. handle is the block's offset and size.
// entries counts the entries of all blocks.
func eachEntry(file, handle []byte, entries *int, visit func(key, value []byte) error) error {
	offset, handle, err := number(handle)
	if err != nil {
		return err
	}
	size, _, err := number(handle)
	if err != nil {
		return err
	}
	const trailer = 5 // a byte of compression, a checksum
	if offset > uint64(len(file)) || size+trailer > uint64(len(file))-offset || size < 4 {
		return errIndex
	}
	if file[offset+size] != 0 {
		return errors.New("it is compressed, which TensorFlow's own are not")
	}
	block := file[offset : offset+size]
	restarts := uint64(binary.LittleEndian.Uint32(block[len(block)-4:]))
	if restarts > (size-4)/4 {
		return errIndex
	}
	block = block[:size-4-4*restarts]
	var key []byte
	for len(block) > 0 {
		var n [3]uint64 // shared bytes of the previous key, new bytes of the key, bytes of the value
		for i := range n {
			if n[i], block, err = number(block); err != nil {
				return err
			}
		}
		*entries++
		if n[0] > uint64(len(key)) || n[1] > uint64(len(block)) || n[2] > uint64(len(block))-n[1] || *entries > maxEntries || n[0]+n[1] > longestName {
			return errIndex
		}
		key = append(key[:n[0]:n[0]], block[:n[1]]...)
		if err := visit(key, block[n[1]:n[1]+n[2]]); err != nil {
			return err
		}
		block = block[n[1]+n[2]:]
	}
	return nil
}

// number reads a varint and returns the rest.
func number(b []byte) (uint64, []byte, error) {
	v, n := binary.Uvarint(b)
	if n <= 0 || v > 1<<62 {
		return 0, nil, errIndex
	}
	return v, b[n:], nil
}
