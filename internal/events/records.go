package events

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
)

// Records reads a file of TFRecords. It yields the data of one record after another; they are valid
// until the next one. It ends at the first error: a truncated file, a wrong checksum, or a record of
// more than most bytes.
func Records(r io.Reader, most int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var head [12]byte
		for n := 1; ; n++ {
			if _, err := io.ReadFull(r, head[:]); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				yield(nil, fmt.Errorf("record %d: %w", n, err))
				return
			}
			if maskedCRC(head[:8]) != binary.LittleEndian.Uint32(head[8:]) {
				yield(nil, fmt.Errorf("record %d: the checksum of its length is wrong", n))
				return
			}
			length := binary.LittleEndian.Uint64(head[:8])
			if length > uint64(most) {
				yield(nil, fmt.Errorf("record %d has %d bytes, at most %d are read", n, length, most))
				return
			}
			data := make([]byte, length+4)
			if _, err := io.ReadFull(r, data); err != nil {
				yield(nil, fmt.Errorf("record %d: %w", n, io.ErrUnexpectedEOF))
				return
			}
			sum := binary.LittleEndian.Uint32(data[length:])
			if data = data[:length]; maskedCRC(data) != sum {
				yield(nil, fmt.Errorf("record %d: its checksum is wrong", n))
				return
			}
			if !yield(data, nil) {
				return
			}
		}
	}
}
