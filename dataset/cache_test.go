package dataset

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func openCache(t *testing.T, dir string) *diskCache {
	t.Helper()
	c, err := openDiskCache(dir, Framing{Height: 2, Width: 3, Interpolation: Bilinear})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.close() })
	return c
}

// cacheImage is the image that belongs to key n.
func cacheImage(n int) (cacheKey, []uint8) {
	return cacheKey{0: byte(n), 31: 1}, bytes.Repeat([]byte{byte(n)}, 18)
}

func cacheFile(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.cache"))
	if err != nil || len(files) != 1 {
		t.Fatalf("cache files %v, %v", files, err)
	}
	return files[0]
}

// checkCache asks for images 1 to n; hits are those it should have. Whatever it
// returns has to be right.
func checkCache(t *testing.T, c cache, n int, hits ...int) {
	t.Helper()
	want := map[int]bool{}
	for _, hit := range hits {
		want[hit] = true
	}
	for i := 1; i <= n; i++ {
		key, image := cacheImage(i)
		dst := make([]uint8, 18)
		if got := c.get(key, dst); got != want[i] {
			t.Errorf("image %d is there: %v, want %v", i, got, want[i])
		} else if got && !bytes.Equal(dst, image) {
			t.Errorf("image %d came back as %v", i, dst)
		}
	}
}

func TestDiskCache(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	c := openCache(t, dir)
	for i := 1; i <= 3; i++ {
		c.put(cacheImage(i))
	}
	checkCache(t, c, 4, 1, 2, 3)
	checkCache(t, openCache(t, dir), 4, 1, 2, 3)
	other, err := openDiskCache(dir, Framing{Height: 2, Width: 3, Interpolation: Nearest})
	if err != nil {
		t.Fatal(err)
	}
	defer other.close()
	checkCache(t, other, 3)
}

// A kill may cut the file anywhere; a bad disk may change any byte.
func TestDiskCacheDamage(t *testing.T) {
	dir := t.TempDir()
	c := openCache(t, dir)
	for i := 1; i <= 3; i++ {
		c.put(cacheImage(i))
	}
	path := cacheFile(t, dir)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	record := cacheRecordTop + 18
	for size := range len(whole) {
		if err := os.WriteFile(path, whole[:size], 0o644); err != nil {
			t.Fatal(err)
		}
		var hits []int
		for i := 1; i <= 3 && size >= cacheHeadLen+i*record; i++ {
			hits = append(hits, i)
		}
		c := openCache(t, dir)
		checkCache(t, c, 3, hits...)
		// What is missing is added behind, and found by the next run.
		for i := len(hits) + 1; i <= 4; i++ {
			c.put(cacheImage(i))
		}
		checkCache(t, c, 5, 1, 2, 3, 4)
		checkCache(t, openCache(t, dir), 5, 1, 2, 3, 4)
	}
	for at := range whole {
		damaged := bytes.Clone(whole)
		damaged[at] ^= 0x10
		if err := os.WriteFile(path, damaged, 0o644); err != nil {
			t.Fatal(err)
		}
		var hits []int
		for i := 1; i <= 3 && at >= cacheHeadLen; i++ {
			if (at-cacheHeadLen)/record != i-1 {
				hits = append(hits, i)
			}
		}
		checkCache(t, openCache(t, dir), 3, hits...)
	}
}

// Two processes may use the same file: they go behind each other, and records
// that collide are misses.
func TestDiskCacheShared(t *testing.T) {
	dir := t.TempDir()
	a, b := openCache(t, dir), openCache(t, dir)
	a.put(cacheImage(1))
	b.put(cacheImage(2))
	a.put(cacheImage(3))
	checkCache(t, a, 3, 1, 3)
	checkCache(t, b, 3, 2)
	checkCache(t, openCache(t, dir), 3, 1, 2, 3)
	key, _ := cacheImage(1)
	b.index[key] = 1 // as if b had written where a did
	checkCache(t, b, 3, 2)
}

func TestDiskCacheFull(t *testing.T) {
	c := openCache(t, t.TempDir())
	c.put(cacheImage(1))
	c.file.Close()
	c.put(cacheImage(2))
	checkCache(t, c, 2)
	if err := c.close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a cache that cannot be written closes with %v", err)
	}
}

func TestMemoryCache(t *testing.T) {
	c := &memoryCache{images: map[cacheKey][]uint8{}, budget: 2*18 + 17}
	for i := 1; i <= 3; i++ {
		c.put(cacheImage(i))
		c.put(cacheImage(i))
	}
	checkCache(t, c, 3, 1, 2)
}

func TestParseCacheMode(t *testing.T) {
	for text, want := range map[string]CacheMode{"": CacheNone, "none": CacheNone, "memory": CacheMemory, "disk": CacheDisk} {
		if got, err := ParseCacheMode(text); got != want || err != nil {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}
