package hdf5

import (
	"encoding/binary"
	"strings"
)

// The types of messages in an object's header.
const (
	messageDataspace    = 0x01
	messageLinkInfo     = 0x02
	messageDatatype     = 0x03
	messageExternal     = 0x07
	messageLayout       = 0x08
	messageFilters      = 0x0b
	messageAttribute    = 0x0c
	messageContinuation = 0x10
	messageSymbols      = 0x11
)

// message is a part of an object's header.
type message struct {
	kind uint16
	data []byte
}

// messages reads an object's header of version 1, with its continuations.
func (f *reader) messages(at int64) (all []message) {
	head := f.bytes(at, 16)
	if f.err == nil && head[0] != 1 {
		f.fail("an object's header at %d has the version %d, want 1", at, head[0])
	}
	type block struct{ at, size int64 }
	blocks := []block{{at + 16, int64(binary.LittleEndian.Uint32(head[8:]))}}
	for k := 0; k < len(blocks) && f.err == nil; k++ {
		for at, end := blocks[k].at, blocks[k].at+blocks[k].size; at+8 <= end && f.err == nil; {
			b := f.bytes(at, 8)
			size := int64(binary.LittleEndian.Uint16(b[2:]))
			if at+8+size > end {
				f.fail("a message at %d is longer than its block", at)
			}
			m := message{binary.LittleEndian.Uint16(b), f.bytes(at+8, size)}
			if b[4]&2 != 0 && m.kind == messageDatatype {
				f.refuse("the type of an array at %d is shared", at)
			}
			at += 8 + size
			if m.kind == messageContinuation && len(m.data) >= 16 {
				next := block{address(m.data), address(m.data[8:])}
				if next.size < 0 || next.size > f.size || len(blocks) > 64 || next.at < 0 || next.at > f.size {
					f.fail("a header continues outside of it")
				}
				blocks = append(blocks, next)
				continue
			}
			if all = append(all, m); len(all) > maxMessages {
				f.fail("an object has more than %d messages", maxMessages)
			}
		}
	}
	return all
}

// object reads a group with its members, or an array.
func (f *reader) object(path string, at int64, depth int) {
	if depth > maxDepth {
		f.fail("groups are more than %d deep", maxDepth)
	}
	if f.err != nil || !f.visit(at) {
		return
	}
	group := Group{}
	var shape, kind, layout, symbols []byte
	for _, m := range f.messages(at) {
		switch m.kind {
		case messageDataspace:
			shape = m.data
		case messageDatatype:
			kind = m.data
		case messageLayout:
			layout = m.data
		case messageSymbols:
			symbols = m.data
		case messageAttribute:
			f.attribute(group, m.data)
		case messageFilters, messageExternal, messageLinkInfo:
			f.refuse("%q is compressed, external or of a newer format, which is not read", path)
		}
	}
	switch {
	case f.err != nil:
	case symbols != nil:
		if len(symbols) < 16 {
			f.fail("group %s is cut off", path)
			return
		}
		f.file.Groups[path] = group
		f.members(path, address(symbols), address(symbols[8:]), depth)
	case shape != nil && kind != nil && layout != nil:
		f.array(path, shape, kind, layout)
	default:
		f.fail("%s is neither a group nor an array", path)
	}
}

// array checks an array's extent.
func (f *reader) array(path string, space, kind, layout []byte) {
	shape, n, ok := f.dims(space)
	if !ok || len(kind) < 8 {
		f.fail("array %s has no extent or type", path)
		return
	}
	a := Array{Shape: shape, Type: floatType(kind)}
	size := int64(binary.LittleEndian.Uint32(kind[4:]))
	switch {
	case len(layout) < 2 || layout[0] != 3:
		f.refuse("array %s has a layout that is not read", path)
	case layout[1] != 1:
		f.refuse("array %s is chunked or compact; only contiguous arrays are read", path)
	case len(layout) < 18:
		f.fail("the layout of array %s is cut off", path)
	case n == 0:
	default:
		a.Offset, a.Bytes = address(layout[2:]), address(layout[10:])
		if a.Offset < 0 || a.Bytes < 0 || a.Offset > f.size || a.Bytes > f.size-a.Offset || size == 0 || a.Bytes%size != 0 || a.Bytes/size != n {
			f.fail("array %s of %v has %d bytes at %d of %d", path, shape, a.Bytes, a.Offset, f.size)
		}
	}
	if f.err == nil {
		f.file.Arrays[path] = a
	}
}

// dims reads a dataspace: its extent, and the number of elements.
func (f *reader) dims(b []byte) (shape []int, n int64, ok bool) {
	if len(b) < 4 || b[0] != 1 && b[0] != 2 || int(b[1]) > maxRank {
		return nil, 0, false
	}
	rank, rest := int(b[1]), b[4:]
	if b[0] == 1 {
		rest = b[min(8, len(b)):]
	}
	if len(rest) < 8*rank {
		return nil, 0, false
	}
	n = 1
	shape = []int{}
	for i := range rank {
		d := address(rest[8*i:])
		if d < 0 || d > 0 && n > f.size/d {
			return nil, 0, false
		}
		n *= d
		shape = append(shape, int(d))
	}
	return shape, n, true
}

// floatType returns the name of a datatype of little-endian IEEE floating-point numbers, or "".
func floatType(b []byte) string {
	if len(b) < 20 || b[0]&15 != 1 || b[1]&1 != 0 || b[1]&64 != 0 {
		return ""
	}
	// precision, exponent's place and size, mantissa's place and size, bias
	type layout struct {
		precision              uint16
		exponent, exponentSize byte
		mantissa, mantissaSize byte
		bias                   uint32
	}
	l := layout{binary.LittleEndian.Uint16(b[10:]), b[12], b[13], b[14], b[15], binary.LittleEndian.Uint32(b[16:])}
	return map[layout]string{
		{16, 10, 5, 0, 10, 15}: "F16", {32, 23, 8, 0, 23, 127}: "F32", {64, 52, 11, 0, 52, 1023}: "F64",
	}[l]
}

// attribute adds a string attribute to a group. It ignores other attributes.
func (f *reader) attribute(g Group, b []byte) {
	if len(b) < 8 || b[0] < 1 || b[0] > 3 {
		f.fail("an attribute is cut off, or of a format that is not read")
		return
	}
	rest := b[8:]
	if b[0] == 3 { // the character set of the name
		rest = b[min(9, len(b)):]
	}
	take := func(size uint16) []byte {
		padded := int(size)
		if b[0] == 1 {
			padded = (padded + 7) &^ 7
		}
		if padded > len(rest) {
			f.fail("an attribute is cut off")
			return nil
		}
		part := rest[:size]
		rest = rest[padded:]
		return part
	}
	name, kind, space := take(binary.LittleEndian.Uint16(b[2:])), take(binary.LittleEndian.Uint16(b[4:])), take(binary.LittleEndian.Uint16(b[6:]))
	if f.err != nil || len(kind) < 8 {
		return
	}
	_, n, ok := f.dims(space)
	if !ok || n > maxStrings {
		return
	}
	size := int64(binary.LittleEndian.Uint32(kind[4:]))
	if size <= 0 || n > int64(len(rest))/size {
		return
	}
	values := []string{}
	for i := range n {
		v := rest[i*size : (i+1)*size]
		switch kind[0] & 15 {
		case 3: // of a fixed size
			values = append(values, strings.TrimRight(string(v), "\x00 "))
		case 9: // in the global heap
			if kind[1]&15 != 1 || size != 16 {
				return
			}
			length := int64(binary.LittleEndian.Uint32(v))
			if length > maxMessage { // such as model_config
				return
			}
			values = append(values, f.global(address(v[4:]), binary.LittleEndian.Uint32(v[12:]), length))
		default:
			return
		}
	}
	if f.err == nil {
		g[strings.TrimRight(string(name), "\x00")] = values
	}
}

// global reads a string of a length from the global heap collection at an address.
func (f *reader) global(at int64, index uint32, length int64) string {
	head := f.bytes(at, 16)
	if f.err == nil && string(head[:4]) != "GCOL" {
		f.fail("no global heap at %d", at)
	}
	end := address(head[8:])
	if f.err != nil || end < 16 || end > f.size-at || length > maxMessage {
		f.fail("a string at %d is too long", at)
		return ""
	}
	for at, end := at+16, at+end; at+16 <= end && f.err == nil; {
		b := f.bytes(at, 16)
		size := address(b[8:])
		number := binary.LittleEndian.Uint16(b)
		if number == 0 || size < 0 || size > end-at-16 {
			break
		}
		if uint32(number) == index {
			return strings.TrimRight(string(f.bytes(at+16, min(size, length))), "\x00")
		}
		at += 16 + (size+7)&^7
	}
	f.fail("a string is missing in the global heap")
	return ""
}
