package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
)

// ErrChanged is the error of a file whose content differs from its Item's hash.
var ErrChanged = errors.New("changed since the split was made")

// LoaderOptions are the options of a Loader. The framing's Height and Width are required;
// other fields may be zero.
type LoaderOptions struct {
	Root       string // folder for relative item paths
	Framing           // of the images in a batch
	Limits     Limits
	Cache      CacheMode
	CacheDir   string // folder of the disk cache; only for CacheDisk
	CacheBytes int64  // size limit of the memory cache; 0: 2 GiB
	Workers    int    // images decoded concurrently; 0: one per processor
	Ahead      int    // batches prepared in advance; 0: 2
	// Skip, if not nil, is called for each unusable file, in order and by the iterating goroutine; the
	// file is left out of its batch. If Skip is nil, an unusable file ends the iteration with an error.
	Skip func(Item, error)
}

const (
	defaultCacheBytes = 2 << 30
	defaultAhead      = 2
)

// A Loader makes batches of images. Several goroutines may use it, each with its own iteration.
type Loader struct {
	opts  LoaderOptions
	cache cache
	pool  sync.Pool // of *slot
}

// NewLoader checks the options and opens the cache. Call Close at the end.
//
// The cache finds images by their item's content hash. An item without a hash is not cached. A
// cached image is not read from its file, even if the file was changed or removed.
func NewLoader(opts LoaderOptions) (*Loader, error) {
	var err error
	if err = opts.Framing.Check(); err != nil {
		return nil, err
	}
	if opts.Interpolation, err = ParseInterpolation(string(opts.Interpolation)); err != nil {
		return nil, err
	}
	if opts.Cache, err = ParseCacheMode(string(opts.Cache)); err != nil {
		return nil, err
	}
	if opts.Workers <= 0 {
		opts.Workers = runtime.GOMAXPROCS(0)
	}
	if opts.Ahead <= 0 {
		opts.Ahead = defaultAhead
	}
	if opts.CacheBytes <= 0 {
		opts.CacheBytes = defaultCacheBytes
	}
	l := &Loader{opts: opts, cache: noCache{}}
	switch opts.Cache {
	case CacheMemory:
		l.cache = &memoryCache{images: map[cacheKey][]uint8{}, budget: opts.CacheBytes}
	case CacheDisk:
		if opts.CacheDir == "" {
			return nil, errors.New("the disk cache needs a folder")
		}
		disk, err := openDiskCache(opts.CacheDir, opts.Framing)
		if err != nil {
			return nil, fmt.Errorf("cannot open image cache: %w", err)
		}
		l.cache = disk
	}
	return l, nil
}

// Close closes the cache. All iterations must have ended. It returns an error if the disk cache
// could not be written; the batches were correct nevertheless.
func (l *Loader) Close() error { return l.cache.close() }

// load writes the pixels of one item to dst, [H, W, 3]. It reads the file into buf and returns
// buf for reuse.
func (l *Loader) load(ctx context.Context, item Item, dst []uint8, buf []byte) ([]byte, error) {
	var key cacheKey
	hashed := item.SHA256 != ""
	if hashed {
		if n, err := hex.Decode(key[:], []byte(item.SHA256)[:min(len(item.SHA256), 64)]); err != nil || n != len(key) || len(item.SHA256) != 64 {
			return buf, fmt.Errorf("%s: %q is not a SHA-256 in hex", item.Path, item.SHA256)
		}
		if l.cache.get(key, dst) {
			return buf, nil
		}
	}
	path := filepath.FromSlash(item.Path)
	if !filepath.IsAbs(path) {
		path = filepath.Join(l.opts.Root, path)
	}
	data, err := readFile(path, buf, l.opts.Limits)
	if err != nil {
		return buf, fmt.Errorf("%s: %w", item.Path, err)
	}
	if hashed && sha256.Sum256(data) != key {
		return data, fmt.Errorf("%s: %w", item.Path, ErrChanged)
	}
	img, _, release, err := decodeHeld(ctx, data, l.opts.Limits)
	defer release()
	if err != nil {
		return data, fmt.Errorf("%s: %w", item.Path, err)
	}
	CopyRGB(dst, l.opts.Apply(img))
	if hashed {
		l.cache.put(key, dst)
	}
	return data, nil
}
