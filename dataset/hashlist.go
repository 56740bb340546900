package dataset

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"oscar/internal/atomicfile"
	"oscar/internal/paths"
)

// A hashList caches the hashes of a folder's files between scans. A file with the same size and time
// is not read again. A wrong hash does no harm, because the hash is compared when the image is read.
//
// The list is a text file: a header, then a line for each readable file, in the order of the paths.
// It is read line by line during the scan, so that it needs little memory.
//
//	path | size | time in ns | whether it was decoded | SHA-256 | CRC-32C of the line before it
type hashList struct {
	path, head string
	old        *bufio.Scanner // nil: there is none
	file       *os.File
	line       hashLine // the current line of old, not yet used
	stamps     []stamp  // of the items
	read       bool     // a file was read, so the list must be rewritten
}

// A hashLine describes a file.
type hashLine struct {
	path, sum string
	stamp
}

// A stamp identifies a file without reading it.
type stamp struct {
	size, time int64
	decoded    bool // the whole file, not only its header
	kept       bool // the line may be written
}

const (
	// hashedFrom is the number of files from which on hashes are cached.
	hashedFrom = 1000
	// hashLists is the maximum number of lists in a folder. The oldest are removed.
	hashLists = 32
	// settled is the minimum age of a file when it is read. A younger file can change without a new
	// time.
	settled = 2 * time.Second
)

// openHashList opens the list of a folder with n files below dir. It returns nil if hashes are not
// cached.
func openHashList(dir, root string, n int, limits Limits) *hashList {
	if dir == "" || n < hashedFrom {
		return nil
	}
	name := sha256.Sum256([]byte(paths.Real(root)))
	limits = limits.orDefault()
	l := &hashList{
		path:   filepath.Join(dir, hex.EncodeToString(name[:16])),
		head:   fmt.Sprintf("oscar hashes 1, decoder %d, %s, %d pixels, %d bytes", decoderVersion, runtime.Version(), limits.MaxPixels, limits.MaxBytes),
		stamps: make([]stamp, n),
	}
	file, err := paths.Open(l.path)
	if err != nil {
		return l
	}
	lines := bufio.NewScanner(file)
	if !lines.Scan() || lines.Text() != l.head {
		file.Close()
		return l
	}
	l.file, l.old = file, lines
	l.next()
	return l
}

// next reads a line. After a damaged line it reads no more.
func (l *hashList) next() {
	l.line = hashLine{}
	if l.old == nil {
		return
	}
	if l.old.Scan() {
		if line, ok := parseHashLine(l.old.Text()); ok {
			l.line = line
			return
		}
	}
	l.old = nil
	l.file.Close()
}

// find returns the line of a path. Calls must be in path order.
func (l *hashList) find(path string) (hashLine, bool) {
	for l.old != nil && l.line.path < path {
		l.next()
	}
	return l.line, l.old != nil && l.line.path == path
}

// newStamp returns the size and the time of a file. kept is false if its hash cannot be cached.
func newStamp(path string, decoded bool) stamp {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return stamp{}
	}
	return stamp{info.Size(), info.ModTime().UnixNano(), decoded, time.Since(info.ModTime()) > settled && !strings.ContainsAny(path, "\t\n\r")}
}

// same reports whether the line is of the file with the stamp now.
func (h hashLine) same(now stamp) bool {
	return now.kept && h.size == now.size && h.time == now.time && (h.decoded || !now.decoded)
}

func (h hashLine) String() string {
	line := fmt.Sprintf("%s\t%d\t%d\t%t\t%s", h.path, h.size, h.time, h.decoded, h.sum)
	return fmt.Sprintf("%s\t%08x", line, crc32.Checksum([]byte(line), castagnoli))
}

func parseHashLine(text string) (h hashLine, ok bool) {
	end := strings.LastIndexByte(text, '\t')
	if end < 0 || fmt.Sprintf("%08x", crc32.Checksum([]byte(text[:end]), castagnoli)) != text[end+1:] {
		return h, false
	}
	cells := strings.Split(text[:end], "\t")
	if len(cells) != 5 || len(cells[4]) != 64 {
		return h, false
	}
	var errs [3]error
	h.path, h.sum, h.kept = cells[0], cells[4], true
	h.size, errs[0] = strconv.ParseInt(cells[1], 10, 64)
	h.time, errs[1] = strconv.ParseInt(cells[2], 10, 64)
	h.decoded, errs[2] = strconv.ParseBool(cells[3])
	return h, cmp.Or(errs[:]...) == nil
}

// close rewrites the list if a file was read. It ignores write errors.
func (l *hashList) close(items []Item, order []int, reasons []error) {
	if l.old != nil {
		l.old = nil
		l.file.Close()
	}
	if !l.read {
		return
	}
	dir := filepath.Dir(l.path)
	if os.MkdirAll(dir, 0o755) != nil {
		return
	}
	_ = atomicfile.Stream(l.path, func(f *os.File) error {
		w := bufio.NewWriterSize(f, 1<<16)
		fmt.Fprintln(w, l.head)
		for _, i := range order {
			if s := l.stamps[i]; s.kept && reasons[i] == nil && items[i].SHA256 != "" {
				fmt.Fprintln(w, hashLine{items[i].Path, items[i].SHA256, s})
			}
		}
		return w.Flush()
	})
	removeOldest(dir)
}

// removeOldest removes the oldest lists if there are too many.
func removeOldest(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) <= hashLists {
		return
	}
	age := func(e os.DirEntry) time.Time {
		info, err := e.Info()
		if err != nil {
			return time.Time{}
		}
		return info.ModTime()
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return age(a).Compare(age(b)) })
	for _, e := range entries[:len(entries)-hashLists] {
		_ = os.Remove(filepath.Join(dir, e.Name()))
	}
}
