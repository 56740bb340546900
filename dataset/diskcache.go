package dataset

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// A diskCache is a file with a header, which describes everything that the pixels depend on, and
// records of equal length:
//
//	key [32] | CRC-32C of key and pixels [4] | pixels [H*W*3]
//
// Records are only appended. A record is used only if its checksum is right. A damaged record (after
// a kill, or because two processes wrote at once) is a miss: the image is decoded and appended
// again.
type diskCache struct {
	file   *os.File
	record int64 // length of a record

	mu    sync.Mutex
	index map[cacheKey]int64 // index of the record of each key
	count int64              // records in the file, including damaged ones
	err   error              // first error of a write; nothing is written after it
}

const (
	cacheHeadLen   = 48
	cacheRecordTop = 32 + 4
	// decoderVersion must increase when Decode or Resize return different pixels.
	decoderVersion = 2
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// openDiskCache opens or creates the cache in dir for images of one framing.
func openDiskCache(dir string, f Framing) (*diskCache, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	// A new version of Go can change the decoders and so the pixels.
	origin := sha256.Sum256(fmt.Appendf(nil, "%d %s %s", decoderVersion, runtime.Version(), f.cacheKey()))
	head := append([]byte("oscar image cache"), make([]byte, cacheHeadLen)...)[:cacheHeadLen]
	copy(head[20:], origin[:28])
	path := filepath.Join(dir, fmt.Sprintf("images-%dx%d-%s-%x.cache", f.Height, f.Width, f.Interpolation, origin[:4]))
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	c := &diskCache{
		file:   file,
		record: cacheRecordTop + 3*int64(f.Height)*int64(f.Width),
		index:  map[cacheKey]int64{},
	}
	if err := c.open(head); err != nil {
		file.Close()
		return nil, err
	}
	return c, nil
}

// open checks the header and reads the keys of the records.
func (c *diskCache) open(head []byte) error {
	found := make([]byte, cacheHeadLen)
	if _, err := c.file.ReadAt(found, 0); err != nil || !bytes.Equal(found, head) {
		// New, or truncated while it was created.
		if err := c.file.Truncate(0); err != nil {
			return err
		}
		_, err := c.file.WriteAt(head, 0)
		return err
	}
	info, err := c.file.Stat()
	if err != nil {
		return err
	}
	c.count = (info.Size() - cacheHeadLen) / c.record
	for i := range c.count {
		var key cacheKey
		if _, err := c.file.ReadAt(key[:], c.offset(i)); err != nil {
			return err
		}
		c.index[key] = i
	}
	return nil
}

func (c *diskCache) offset(record int64) int64 { return cacheHeadLen + record*c.record }

func (c *diskCache) get(key cacheKey, dst []uint8) bool {
	c.mu.Lock()
	i, ok := c.index[key]
	c.mu.Unlock()
	if !ok || int64(len(dst)) != c.record-cacheRecordTop {
		return false
	}
	var top [cacheRecordTop]byte
	if _, err := c.file.ReadAt(top[:], c.offset(i)); err != nil {
		return false
	}
	if _, err := c.file.ReadAt(dst, c.offset(i)+cacheRecordTop); err != nil {
		return false
	}
	return cacheKey(top[:32]) == key && binary.LittleEndian.Uint32(top[32:]) == crc(key, dst)
}

func (c *diskCache) put(key cacheKey, src []uint8) {
	c.mu.Lock()
	if c.err != nil || int64(len(src)) != c.record-cacheRecordTop {
		c.mu.Unlock()
		return
	}
	// Another process may have appended records; write after these.
	if info, err := c.file.Stat(); err == nil {
		c.count = max(c.count, (info.Size()-cacheHeadLen+c.record-1)/c.record)
	}
	i := c.count
	c.count++
	c.mu.Unlock()

	record := make([]byte, 0, c.record)
	record = append(record, key[:]...)
	record = binary.LittleEndian.AppendUint32(record, crc(key, src))
	record = append(record, src...)
	_, err := c.file.WriteAt(record, c.offset(i))

	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		if c.err == nil {
			c.err = fmt.Errorf("cannot write image cache: %w", err)
		}
		return
	}
	c.index[key] = i
}

// close returns the error that stopped writing the cache, if any.
func (c *diskCache) close() error {
	err := c.file.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	return err
}

func crc(key cacheKey, pixels []uint8) uint32 {
	return crc32.Update(crc32.Checksum(key[:], castagnoli), castagnoli, pixels)
}
