package dataset

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"testing"
	"time"
)

// scaleFiles is how many files TestScale makes; $OSCAR_SCALE names another number.
const scaleFiles = 4_000

// fixed is what a step takes for any number of files: buffers, decoders.
const fixed = 2 << 20

// linkClasses makes n files in 200 classes: every fourth is an image, the others are
// links to it.
func linkClasses(t *testing.T, root string, n int) {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 2, 2))
	encoder := png.Encoder{CompressionLevel: png.NoCompression}
	var b bytes.Buffer
	first := ""
	for i := range n {
		dir := filepath.Join(root, fmt.Sprintf("class-%03d", i/4%200))
		if i < 800 {
			if err := os.MkdirAll(dir, 0o777); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(dir, fmt.Sprintf("image-%07d.png", i))
		var err error
		if i%4 == 0 {
			first = path
			img.SetRGBA(0, 0, color.RGBA{byte(i >> 2), byte(i >> 10), byte(i >> 18), 255})
			b.Reset()
			if err = encoder.Encode(&b, img); err == nil {
				err = os.WriteFile(path, b.Bytes(), 0o666)
			}
		} else {
			err = os.Link(first, path)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// peakHeap calls f and returns the most bytes that the heap held beyond those before, and
// those after.
func peakHeap(f func()) (peak, after uint64) {
	read := func() uint64 {
		s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	defer debug.SetGCPercent(debug.SetGCPercent(10)) // so that hardly any garbage is counted
	runtime.GC()
	before := read()
	stop, done := make(chan bool), make(chan uint64)
	go func() {
		most := before
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				done <- most
				return
			case <-tick.C:
				most = max(most, read())
			}
		}
	}()
	f()
	most := max(read(), before)
	close(stop)
	most = max(most, <-done)
	runtime.GC()
	return most - before, max(read(), before) - before
}

// Memory grows with the number of files by some hundred bytes each, whatever is done:
// scan, split, write and read the split.
func TestScale(t *testing.T) {
	n := scaleFiles
	if text := os.Getenv("OSCAR_SCALE"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	root := t.TempDir()
	linkClasses(t, root, n)
	var folder *Folder
	var split *Split
	file := filepath.Join(t.TempDir(), "split.json")
	opts := ScanOptions{Verify: true, Hashes: t.TempDir()}
	for _, step := range []struct {
		name string
		most uint64 // bytes a file
		do   func() error
	}{
		{"scan", 1200, func() (err error) { folder, err = Scan(t.Context(), root, opts); return err }},
		{"split", 900, func() (err error) { split, err = NewSplit(folder, DefaultFractions, 1); folder = nil; return err }},
		{"write", 400, func() error { return split.Write(file) }},
		{"read", 900, func() (err error) { split, err = ReadSplit(file); return err }},
		{"again", 1200, func() (err error) { _, err = Scan(t.Context(), root, opts); return err }},
	} {
		begin := time.Now()
		var err error
		peak, after := peakHeap(func() { err = step.do() })
		if err != nil {
			t.Fatal(err)
		}
		if peak > step.most*uint64(n)+fixed {
			t.Errorf("%s: %d bytes a file, want at most %d", step.name, peak/uint64(n), step.most)
		}
		t.Logf("%-6s peak %5d bytes a file, %5d after, %v", step.name, peak/uint64(n), after/uint64(n), time.Since(begin).Round(time.Millisecond))
	}
}
