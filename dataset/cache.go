package dataset

import (
	"fmt"
	"sync"
)

// A CacheMode selects where a Loader keeps decoded images for the next epoch.
type CacheMode string

// The cache modes.
const (
	CacheNone   CacheMode = "none"   // the default: decode each time
	CacheMemory CacheMode = "memory" // up to LoaderOptions.CacheBytes
	CacheDisk   CacheMode = "disk"   // a file in LoaderOptions.CacheDir, also for later runs
)

// ParseCacheMode checks a name; "" means CacheNone.
func ParseCacheMode(s string) (CacheMode, error) {
	switch mode := CacheMode(s); mode {
	case "":
		return CacheNone, nil
	case CacheNone, CacheMemory, CacheDisk:
		return mode, nil
	}
	return "", fmt.Errorf("no cache mode %q; have none, memory, disk", s)
}

// A cacheKey is the SHA-256 of an image's file.
type cacheKey [32]byte

// A cache keeps images of one size. Its methods may be called concurrently.
type cache interface {
	// get fills dst and returns true, or returns false; dst may then be overwritten.
	get(key cacheKey, dst []uint8) bool
	// put stores a copy of src if there is room.
	put(key cacheKey, src []uint8)
	close() error
}

type noCache struct{}

func (noCache) get(cacheKey, []uint8) bool { return false }
func (noCache) put(cacheKey, []uint8)      {}
func (noCache) close() error               { return nil }

// A memoryCache stores images until its budget is used. It never removes an image.
type memoryCache struct {
	mu     sync.RWMutex
	images map[cacheKey][]uint8
	budget int64 // bytes left
}

func (c *memoryCache) get(key cacheKey, dst []uint8) bool {
	c.mu.RLock()
	image, ok := c.images[key]
	c.mu.RUnlock()
	return ok && copy(dst, image) == len(dst)
}

func (c *memoryCache) put(key cacheKey, src []uint8) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.images[key]; ok || c.budget < int64(len(src)) {
		return
	}
	c.budget -= int64(len(src))
	c.images[key] = append([]uint8(nil), src...)
}

func (c *memoryCache) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.images)
	return nil
}
