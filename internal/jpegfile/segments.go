package jpegfile

import (
	"bytes"
	"encoding/binary"
	"iter"
)

// The markers of segments (ITU-T T.81, table B.1).
const (
	SOF0  = 0xc0 // a baseline frame
	SOF1  = 0xc1 // an extended one
	SOF2  = 0xc2 // a progressive one
	DHT   = 0xc4 // Huffman tables
	RST0  = 0xd0 // the first of eight restart markers
	EOI   = 0xd9
	SOS   = 0xda // a scan
	DRI   = 0xdd
	APP1  = 0xe1
	APP14 = 0xee

	lastRST = RST0 + 7
)

// A Segment is a marker with its content, and the coded data of a scan.
type Segment struct {
	Marker         byte
	Content, Coded []byte
}

// Segments yields the segments of a JPEG. It ends at the end of the file, or where the
// structure is invalid.
func Segments(data []byte) iter.Seq[Segment] {
	return func(yield func(Segment) bool) {
		for p := 2; p+4 <= len(data); {
			if data[p] != 0xff || data[p+1] == 0xff || data[p+1] == 0 || RST0 <= data[p+1] && data[p+1] <= lastRST {
				p++ // a fill byte, or an invalid one
				continue
			}
			marker, length := data[p+1], int(binary.BigEndian.Uint16(data[p+2:]))
			end := p + 2 + length // the length counts its own two bytes
			if marker == EOI || length < 2 || end > len(data) {
				return
			}
			content, coded := data[p+4:end], []byte(nil)
			if marker == SOS {
				coded = data[end : end+codedLength(data[end:])]
				end += len(coded)
			}
			if !yield(Segment{marker, content, coded}) {
				return
			}
			p = end
		}
	}
}

// codedLength returns the length of a scan's coded data: up to a marker that is not a
// restart marker.
func codedLength(data []byte) int {
	for p := 0; ; {
		at := bytes.IndexByte(data[p:], 0xff)
		if at < 0 || p+at+1 >= len(data) {
			return len(data)
		}
		p += at
		if next := data[p+1]; next == 0xff {
			p++
		} else if next == 0 || RST0 <= next && next <= lastRST {
			p += 2
		} else {
			return p
		}
	}
}

// appendSegment appends a segment without coded data to a file.
func appendSegment(file []byte, marker byte, content []byte) []byte {
	file = binary.BigEndian.AppendUint16(append(file, 0xff, marker), uint16(2+len(content)))
	return append(file, content...)
}
