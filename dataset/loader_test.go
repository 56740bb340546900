package dataset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// photos makes a scanned folder of n noisy images of several sizes.
func photos(t testing.TB, n int) *Folder {
	t.Helper()
	files := map[string][]byte{}
	for i := range n {
		img := uniform(20+i%5, 30-i%7, mosaicB)
		r := newRandom(uint64(i))
		for j := range img.Pix {
			if j%4 != 3 {
				img.Pix[j] = uint8(r.next())
			}
		}
		files[fmt.Sprintf("%c/%03d.png", 'a'+i%2, i)] = pngOf(t, img)
	}
	folder, err := Scan(t.Context(), writeTree(t, files), ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

func newLoader(t testing.TB, opts LoaderOptions) *Loader {
	t.Helper()
	l, err := NewLoader(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// A copied batch outlives its iteration.
func collect(t testing.TB, l *Loader, items []Item, order []int, size int) []Batch {
	t.Helper()
	var batches []Batch
	for batch, err := range l.Batches(t.Context(), items, order, size) {
		if err != nil {
			t.Fatal(err)
		}
		kept := *batch
		kept.Images, kept.Labels, kept.Items = bytes.Clone(batch.Images), slices.Clone(batch.Labels), slices.Clone(batch.Items)
		batches = append(batches, kept)
	}
	return batches
}

// Whatever the workers, the batches ahead and the cache, in the first epoch or
// the next: batches hold what decoding one file after another gives.
func TestBatches(t *testing.T) {
	folder := photos(t, 23)
	const height, width, size = 9, 12, 5
	order := Order(len(folder.Items), 3, 0)[:22]
	var want []uint8
	for _, i := range order {
		img, err := DecodeFile(filepath.Join(folder.Root, folder.Items[i].Path), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		pixels := make([]uint8, height*width*3)
		CopyRGB(pixels, Resize(img, height, width, Bicubic))
		want = append(want, pixels...)
	}
	dir := t.TempDir()
	for _, mode := range []CacheMode{"", CacheMemory, CacheDisk, CacheDisk} {
		for _, workers := range []int{1, 4} {
			for _, ahead := range []int{1, 3} {
				l := newLoader(t, LoaderOptions{
					Root: folder.Root, Framing: Framing{Height: height, Width: width, Interpolation: Bicubic},
					Cache: mode, CacheDir: dir, CacheBytes: 10 * height * width * 3, Workers: workers, Ahead: ahead,
				})
				for epoch := range 2 {
					var got []uint8
					n := 0
					for b, batch := range collect(t, l, folder.Items, order, size) {
						wantN := min(size, len(order)-b*size)
						if batch.N != wantN || len(batch.Images) != wantN*height*width*3 || len(batch.Labels) != wantN || len(batch.Items) != wantN || batch.Height != height || batch.Width != width {
							t.Errorf("batch %d of %d: %d images, %d bytes, %d labels, %d items", b, wantN, batch.N, len(batch.Images), len(batch.Labels), len(batch.Items))
						}
						for i, item := range batch.Items {
							if !sameItem(item, folder.Items[order[n]]) || batch.Labels[i] != item.Class {
								t.Errorf("image %d is %v with label %d", n, item, batch.Labels[i])
							}
							n++
						}
						got = append(got, batch.Images...)
					}
					if !bytes.Equal(got, want) {
						t.Errorf("cache %q, %d workers, %d ahead, epoch %d: other pixels", mode, workers, ahead, epoch)
					}
				}
			}
		}
	}
}

func TestBatchesNaturalOrder(t *testing.T) {
	folder := photos(t, 5)
	l := newLoader(t, LoaderOptions{Root: folder.Root, Framing: Framing{Height: 2, Width: 2}})
	batches := collect(t, l, folder.Items, nil, 5)
	if len(batches) != 1 || !slices.EqualFunc(batches[0].Items, folder.Items, sameItem) {
		t.Errorf("got %v", batches)
	}
	if batches := collect(t, l, nil, nil, 5); len(batches) != 0 {
		t.Errorf("no items give %d batches", len(batches))
	}
	// Without a root and without a hash: photos to be explained.
	path := filepath.Join(folder.Root, folder.Items[0].Path)
	if batches := collect(t, newLoader(t, LoaderOptions{Framing: Framing{Height: 2, Width: 2}, Cache: CacheMemory}), []Item{{Path: path}}, nil, 1); len(batches) != 1 {
		t.Errorf("an absolute path gives %d batches", len(batches))
	}
}

func TestBatchesErrors(t *testing.T) {
	folder := photos(t, 12)
	if err := os.Remove(filepath.Join(folder.Root, folder.Items[3].Path)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder.Root, folder.Items[4].Path), shade(t, 1), 0o644); err != nil {
		t.Fatal(err)
	}
	items := slices.Clone(folder.Items)
	items[5].SHA256 = "" // nothing to compare with
	if err := os.WriteFile(filepath.Join(folder.Root, items[5].Path), []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	items[7].SHA256 = "abc"
	wants := map[int]string{
		3: "a/006.png: no such file or directory",
		4: "a/008.png: changed since the split was made",
		5: "a/010.png: not a JPEG",
		7: `b/003.png: "abc" is not a SHA-256 in hex`,
	}
	opts := LoaderOptions{Root: folder.Root, Framing: Framing{Height: 4, Width: 4}}
	l := newLoader(t, opts)
	for bad, want := range wants {
		var last error
		for batch, err := range l.Batches(t.Context(), items, []int{0, 1, bad, 2, 6}, 2) {
			if last != nil {
				t.Error("something follows an error")
			}
			if (batch == nil) != (err != nil) {
				t.Errorf("batch %v with error %v", batch, err)
			}
			last = err
		}
		if last == nil || !strings.HasPrefix(last.Error(), want) {
			t.Errorf("error %v does not begin with %q", last, want)
		}
		if bad == 4 && !errors.Is(last, ErrChanged) || bad == 3 && !errors.Is(last, os.ErrNotExist) {
			t.Errorf("error %v wraps nothing", last)
		}
	}
	// With Skip they are dropped: from within a batch, and a whole batch.
	var skipped []string
	opts.Skip = func(item Item, err error) { skipped = append(skipped, err.Error()) }
	batches := collect(t, newLoader(t, opts), items, []int{3, 0, 4, 1, 2, 6, 5, 7, 3, 8}, 3)
	clean := collect(t, newLoader(t, LoaderOptions{Root: folder.Root, Framing: Framing{Height: 4, Width: 4}}), items, []int{0, 1, 2, 6, 8}, 1)
	var sizes, labels []int
	var got, want []uint8
	for _, batch := range batches {
		sizes = append(sizes, batch.N)
		labels = append(labels, batch.Labels...)
		got = append(got, batch.Images...)
	}
	for _, batch := range clean {
		want = append(want, batch.Images...)
	}
	if !slices.Equal(sizes, []int{1, 3, 1}) || !slices.Equal(labels, []int{0, 0, 0, 1, 1}) || !bytes.Equal(got, want) {
		t.Errorf("batches of %v with labels %v; pixels are right: %v", sizes, labels, bytes.Equal(got, want))
	}
	if len(skipped) != 5 || !strings.HasPrefix(skipped[1], wants[4]) || !strings.HasPrefix(skipped[3], wants[7]) {
		t.Errorf("skipped %q", skipped)
	}
	for name, test := range map[string]struct {
		order []int
		size  int
		want  string
	}{
		"size":  {nil, 0, "batch size 0: it must be positive"},
		"order": {[]int{0, 12}, 4, "order names item 12 of 12"},
	} {
		for _, err := range l.Batches(t.Context(), items, test.order, test.size) {
			if err == nil || err.Error() != test.want {
				t.Errorf("%s: got %v, want %s", name, err, test.want)
			}
		}
	}
}

func TestNewLoaderErrors(t *testing.T) {
	for want, opts := range map[string]LoaderOptions{
		"both must be positive":             {Framing: Framing{Height: 3}},
		`no interpolation "cubic"`:          {Framing: Framing{Height: 3, Width: 3, Interpolation: "cubic"}},
		`no aspect "pad"; have stretch, l`:  {Framing: Framing{Height: 3, Width: 3, Aspect: "pad"}},
		"padding is 256, want a gray":       {Framing: Framing{Height: 3, Width: 3, Aspect: Letterbox, Padding: 256}},
		"padding is 7, which only the aspe": {Framing: Framing{Height: 3, Width: 3, Padding: 7}},
		`no cache mode "ram"; have none, m`: {Framing: Framing{Height: 3, Width: 3}, Cache: "ram"},
		"the disk cache needs a folder":     {Framing: Framing{Height: 3, Width: 3}, Cache: CacheDisk},
		"cannot open image cache":           {Framing: Framing{Height: 3, Width: 3}, Cache: CacheDisk, CacheDir: os.DevNull},
	} {
		if _, err := NewLoader(opts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}

// However an iteration ends, it leaves nothing running, and never holds more
// than the batches it may.
func TestBatchesLeaveNothingBehind(t *testing.T) {
	folder := photos(t, 40)
	l := newLoader(t, LoaderOptions{Root: folder.Root, Framing: Framing{Height: 32, Width: 32}, Workers: 4, Ahead: 2})
	before := runtime.NumGoroutine()
	check := func(when string) {
		t.Helper()
		// nfnt/resize's own helpers may take a moment to be gone.
		for wait := time.Millisecond; runtime.NumGoroutine() > before; wait *= 2 {
			if wait > time.Second {
				t.Fatalf("%s: %d goroutines, %d before", when, runtime.NumGoroutine(), before)
			}
			time.Sleep(wait)
		}
	}
	for range 10 {
		for _, err := range l.Batches(t.Context(), folder.Items, nil, 4) {
			if err != nil {
				t.Fatal(err)
			}
			if n := runtime.NumGoroutine(); n > before+1+4+4*(runtime.GOMAXPROCS(0)+1) {
				t.Fatalf("%d goroutines", n)
			}
			break
		}
		check("break")

		ctx, cancel := context.WithCancel(t.Context())
		var last error
		n := 0
		for _, err := range l.Batches(ctx, folder.Items, nil, 4) {
			last = err
			if n++; n == 2 {
				cancel()
			}
		}
		cancel()
		if n != 3 || !errors.Is(last, context.Canceled) {
			t.Fatalf("canceled in step 2: %d steps, error %v", n, last)
		}
		check("cancel")

		func() {
			defer func() { recover() }()
			for range l.Batches(t.Context(), folder.Items, nil, 4) {
				panic("in the loop")
			}
		}()
		check("panic")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for batch, err := range l.Batches(ctx, folder.Items, nil, 4) {
		if batch != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("canceled before: %v, %v", batch, err)
		}
	}
}

func TestBatchesAtTheSameTime(t *testing.T) {
	folder := photos(t, 20)
	l := newLoader(t, LoaderOptions{Root: folder.Root, Framing: Framing{Height: 8, Width: 8}, Cache: CacheDisk, CacheDir: t.TempDir()})
	want := collect(t, l, folder.Items, nil, 20)[0].Images
	done := make(chan []uint8)
	for range 3 {
		go func() {
			var got []uint8
			for batch, err := range l.Batches(context.Background(), folder.Items, nil, 6) {
				if err == nil {
					got = append(got, batch.Images...)
				}
			}
			done <- got
		}()
	}
	for range 3 {
		if got := <-done; !bytes.Equal(got, want) {
			t.Error("iterations disturb each other")
		}
	}
}

// Many epochs take no more memory than one: buffers are used again.
func TestBatchesMemory(t *testing.T) {
	folder := photos(t, 16)
	l := newLoader(t, LoaderOptions{Root: folder.Root, Framing: Framing{Height: 256, Width: 256}, Cache: CacheDisk, CacheDir: t.TempDir()})
	epoch := func() {
		for _, err := range l.Batches(t.Context(), folder.Items, nil, 4) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	epoch()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 5 {
		epoch()
	}
	runtime.ReadMemStats(&after)
	// Five epochs are 16 MB of pixels; a few new buffers after a collection are fine.
	if used := after.TotalAlloc - before.TotalAlloc; used > 8<<20 {
		t.Errorf("%d bytes allocated in five epochs from the cache", used)
	}
}

// sameItem compares items of images with one label.
func sameItem(a, b Item) bool {
	return a.Path == b.Path && a.Class == b.Class && a.SHA256 == b.SHA256 && a.Weight == b.Weight
}
