package dataset

import "encoding/binary"

// An ifd is the first directory of a TIFF file or an EXIF block.
type ifd struct {
	block   []byte
	order   binary.ByteOrder
	entries []byte // 12 bytes each
}

// Types of a directory's values.
const (
	ifdByte  = 1
	ifdShort = 3
	ifdLong  = 4
)

// readIFD finds the directory. Missing or damaged parts are empty.
func readIFD(block []byte) ifd {
	d := ifd{block: block, order: binary.LittleEndian}
	if len(block) < 8 {
		return d
	}
	switch string(block[:4]) {
	case "II*\x00":
	case "MM\x00*":
		d.order = binary.BigEndian
	default:
		return d
	}
	at := int64(d.order.Uint32(block[4:]))
	if at+2 > int64(len(block)) {
		return d
	}
	n := 12 * int64(d.order.Uint16(block[at:]))
	d.entries = block[at+2 : min(at+2+n, int64(len(block)))]
	return d
}

// numbers returns the values of a tag, at most 16; nil if it is missing or does not have
// integers. kind is their stored type.
func (d ifd) numbers(tag uint16) (values []uint32, kind uint16) {
	for e := d.entries; len(e) >= 12; e = e[12:] {
		if d.order.Uint16(e) != tag {
			continue
		}
		kind, count := d.order.Uint16(e[2:]), int64(d.order.Uint32(e[4:]))
		size := map[uint16]int64{ifdByte: 1, ifdShort: 2, ifdLong: 4}[kind]
		data := e[8:12]
		if count*size > 4 {
			at := int64(d.order.Uint32(e[8:]))
			if at > int64(len(d.block)) {
				return nil, kind
			}
			data = d.block[at:]
		}
		for range min(count, 16) {
			if size == 0 || int64(len(data)) < size {
				return nil, kind
			}
			switch kind {
			case ifdByte:
				values = append(values, uint32(data[0]))
			case ifdShort:
				values = append(values, uint32(d.order.Uint16(data)))
			case ifdLong:
				values = append(values, d.order.Uint32(data))
			}
			data = data[size:]
		}
		return values, kind
	}
	return nil, 0
}

// number returns the first value of a tag, or otherwise if it is missing.
func (d ifd) number(tag uint16, otherwise uint32) uint32 {
	if values, _ := d.numbers(tag); len(values) > 0 {
		return values[0]
	}
	return otherwise
}
