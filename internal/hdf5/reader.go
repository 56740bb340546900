package hdf5

import (
	"encoding/binary"
	"fmt"
	"io"
)

// The limits of a file.
const (
	maxObjects  = 200_000 // groups, arrays and nodes of trees
	maxDepth    = 64      // of groups in groups
	maxMessages = 4_096   // of an object
	maxMessage  = 1 << 16 // bytes of a message
	maxName     = 1_024   // bytes of a name
	maxStrings  = 100_000 // of an attribute
	maxRank     = 8
)

// Magic is the beginning of a file.
const Magic = "\x89HDF\r\n\x1a\n"

// A File has the groups and arrays of a file by their paths, "layers/conv2d/vars/0"; the path
// of the root group is empty.
type File struct {
	Groups map[string]Group
	Arrays map[string]Array
}

// A Group is the attributes of a group that are strings or lists of strings, up to 64 KB each.
type Group map[string][]string

// An Array is contiguous in the file.
type Array struct {
	Shape  []int
	Type   string // F16, F32, F64, little-endian; "" for any other
	Offset int64  // in the file
	Bytes  int64  // 0 for an array without values
}

// reader reads a file. After an error, all values are zero and the error is kept.
type reader struct {
	r       io.ReaderAt
	size    int64
	base    int64 // added to addresses
	err     error
	objects int
	left    int64 // bytes that may still be read, so that cycles end
	seen    map[int64]bool
	file    *File
}

// Read reads the structure of a file of that size, without values.
func Read(r io.ReaderAt, size int64) (*File, error) {
	f := &reader{r: r, size: size, left: 16*size + 1<<24, seen: map[int64]bool{}, file: &File{map[string]Group{}, map[string]Array{}}}
	b := f.bytes(0, 96)
	if f.err == nil && string(b[:8]) != Magic {
		return nil, fmt.Errorf("it is not a HDF5 file")
	}
	if f.err != nil {
		return nil, f.err
	}
	root := int64(24) // of the four addresses
	switch version := b[8]; {
	case version == 1:
		root = 28
	case version != 0:
		return nil, fmt.Errorf("its superblock has version %d; h5py writes 0 unless libver is set", version)
	}
	if b[13] != 8 || b[14] != 8 {
		return nil, fmt.Errorf("its addresses have %d bytes and its sizes %d, want 8", b[13], b[14])
	}
	f.base = int64(binary.LittleEndian.Uint64(b[root:]))
	if f.base != 0 {
		return nil, fmt.Errorf("its base address is %d, want 0", f.base)
	}
	f.object("", int64(binary.LittleEndian.Uint64(b[root+32+8:])), 0)
	if f.err != nil {
		return nil, f.err
	}
	return f.file, nil
}

func (f *reader) fail(format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf("it is damaged: "+format, args...)
	}
}

// refuse is fail for valid features that are not supported.
func (f *reader) refuse(format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf(format, args...)
	}
}

// bytes returns n bytes at an address. After an error they are zero.
func (f *reader) bytes(at, n int64) []byte {
	if f.err == nil && (at < 0 || n < 0 || at > f.size || n > f.size-at) {
		f.fail("%d bytes at %d lie outside its %d", n, at, f.size)
	}
	if f.left -= max(n, 0); f.err == nil && f.left < 0 {
		f.fail("its parts overlap")
	}
	if f.err != nil {
		if n < 0 || n > maxMessage {
			n = 0
		}
		return make([]byte, n)
	}
	b := make([]byte, n)
	if _, err := f.r.ReadAt(b, at); err != nil && f.err == nil {
		f.err = err
	}
	return b
}

// visit counts an object or node. A second visit is an error.
func (f *reader) visit(at int64) bool {
	if f.objects++; f.objects > maxObjects {
		f.fail("it has more than %d objects", maxObjects)
	}
	if f.seen[at] {
		f.fail("two links lead to %d", at)
	}
	f.seen[at] = true
	return f.err == nil
}

func address(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) }

// members reads the names of a group from its B-tree at an address, and the group's objects.
func (f *reader) members(path string, tree, heap int64, depth int) {
	h := f.bytes(heap, 32)
	if f.err == nil && string(h[:4]) != "HEAP" {
		f.fail("no heap of names at %d", heap)
	}
	f.node(path, tree, address(h[24:]), address(h[8:]), depth, 0)
}

// node reads a node of a group's B-tree, or a leaf with its symbols. names is the address of the
// heap's names.
func (f *reader) node(path string, at, names, length int64, depth, level int) {
	if level > 16 {
		f.fail("a tree of names is too deep")
	}
	if f.err != nil || !f.visit(at) {
		return
	}
	head := f.bytes(at, 8)
	switch string(head[:4]) {
	case "TREE":
		if head[4] != 0 {
			f.fail("a tree of names at %d has the type %d", at, head[4])
		}
		n := int64(binary.LittleEndian.Uint16(head[6:]))
		b := f.bytes(at+24, 16*n+8)
		for i := range n {
			if f.err != nil {
				return
			}
			f.node(path, address(b[16*i+8:]), names, length, depth, level+1)
		}
	case "SNOD":
		n := int64(binary.LittleEndian.Uint16(head[6:]))
		b := f.bytes(at+8, 40*n)
		for i := range n {
			if f.err != nil {
				return
			}
			entry := b[40*i:]
			name := f.name(names, address(entry), length)
			if binary.LittleEndian.Uint32(entry[16:]) == 2 {
				f.refuse("%s/%s is a link, which is not read", path, name)
				return
			}
			if path != "" {
				name = path + "/" + name
			}
			f.object(name, address(entry[8:]), depth+1)
		}
	default:
		f.fail("no tree of names at %d", at)
	}
}

// name reads a name from a heap.
func (f *reader) name(names, offset, length int64) string {
	if offset < 0 || length < 0 || offset >= length || names < 0 || names > f.size-offset {
		f.fail("a name lies outside its heap")
		return ""
	}
	b := f.bytes(names+offset, min(maxName, length-offset, f.size-names-offset))
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	f.fail("a name has no end")
	return ""
}
