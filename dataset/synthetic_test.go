package dataset

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"oscar/internal/checksum"
	"oscar/internal/testkit"
)

func TestSynthesize(t *testing.T) {
	dir := t.TempDir()
	opts := SyntheticOptions{PerClass: 3, Width: 64, Height: 48, Seed: 5}
	if err := Synthesize(t.Context(), dir, opts); err != nil {
		t.Fatal(err)
	}
	folder, err := Scan(t.Context(), filepath.Join(dir, "images"), ScanOptions{Verify: true})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(SyntheticClasses, folder.Classes); diff != "" {
		t.Errorf("classes (-want +got):\n%s", diff)
	}
	if len(folder.Items) != 18 || len(folder.Unreadable)+len(folder.Duplicates)+len(folder.Notes) > 0 {
		t.Errorf("%d items, unreadable %v, duplicates %v, notes %v", len(folder.Items), folder.Unreadable, folder.Duplicates, folder.Notes)
	}
	for _, item := range folder.Items {
		index := int(item.Path[strings.IndexByte(item.Path, '/')+4] - '0')
		img, mask, err := SyntheticImage(item.Class, index, SyntheticOptions{Width: 64, Height: 48, Seed: 5})
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeFile(filepath.Join(folder.Root, item.Path), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Pix, img.Pix) || got.Rect != image.Rect(0, 0, 64, 48) {
			t.Errorf("%s is not image %d of class %d", item.Path, index, item.Class)
		}
		f, err := os.Open(filepath.Join(dir, "masks", item.Path))
		if err != nil {
			t.Fatal(err)
		}
		stored, err := png.Decode(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(stored.(*image.Gray).Pix, mask.Pix) {
			t.Errorf("%s has another mask", item.Path)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 3 { // images, masks and their checksums
		t.Errorf("%v is left in the folder", entries)
	}
	if err := Synthesize(t.Context(), dir, opts); err == nil || !strings.Contains(err.Error(), "is not empty; name a new folder") {
		t.Errorf("drawn over: %v", err)
	}
}

func TestSynthesizeErrors(t *testing.T) {
	for want, opts := range map[string]SyntheticOptions{
		"0 synthetic images per class": {},
		"of 256x31 pixels":             {PerClass: 1, Height: 31},
		"of 9000x256 pixels":           {PerClass: 1, Width: 9000},
	} {
		if err := Synthesize(t.Context(), t.TempDir(), opts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Synthesize(ctx, dir, SyntheticOptions{PerClass: 2}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		t.Errorf("%v is left in the folder", entries)
	}
	if _, _, err := SyntheticImage(len(SyntheticClasses), 0, SyntheticOptions{}); err == nil {
		t.Error("a class that is none is drawn")
	}
}

func TestSyntheticClasses(t *testing.T) {
	if !slices.IsSorted(SyntheticClasses) || len(slices.Compact(slices.Clone(SyntheticClasses))) != 6 {
		t.Errorf("%q are not six sorted names", SyntheticClasses)
	}
}

// A mask is of one object that lies within the picture, is neither tiny nor
// huge, and differs from image to image.
func TestSyntheticMasks(t *testing.T) {
	for class, name := range SyntheticClasses {
		var last []uint8
		for index := range 40 {
			opts := SyntheticOptions{Width: 64, Height: 64, Seed: 3}
			_, mask, err := SyntheticImage(class, index, opts)
			if err != nil {
				t.Fatal(err)
			}
			area, box := 0, image.Rectangle{}
			for y := range 64 {
				for x := range 64 {
					switch v := mask.GrayAt(x, y).Y; v {
					case 255:
						area++
						box = box.Union(image.Rect(x, y, x+1, y+1))
					case 0:
					default:
						t.Fatalf("%s %d: mask holds %d", name, index, v)
					}
				}
			}
			if share := float64(area) / (64 * 64); share < 0.04 || share > 0.40 {
				t.Errorf("%s %d: the object covers %.2f of the picture", name, index, share)
			}
			if !box.In(image.Rect(1, 1, 63, 63)) {
				t.Errorf("%s %d: the object reaches the border: %v", name, index, box)
			}
			if side := max(box.Dx(), box.Dy()); side < 64*35/100 || side > 64*85/100 {
				t.Errorf("%s %d: the object is %d pixels long", name, index, side)
			}
			if bytes.Equal(mask.Pix, last) {
				t.Errorf("%s %d: the same mask twice", name, index)
			}
			last = mask.Pix
		}
	}
}

// The mask against the picture itself: what changes with the background is not
// the object. All that is covered has a color.
func TestSyntheticMasksAreExact(t *testing.T) {
	const side = 96
	for class, shape := range shapes {
		for index := range 10 {
			render := func(background rgb) *canvas {
				c := newCanvas(side, side)
				c.light = point{0.6, 0.8}
				c.place(side/2+0.3*float64(index), side/2, 0.6*side, 0.3*float64(index))
				shape.draw(c, newRandom(uint64(class), uint64(index)))
				for i := range c.pixels {
					c.pixels[i] = background
				}
				c.lay()
				return c
			}
			black, white := render(rgb{}), render(rgb{1, 1, 1})
			mask := black.mask()
			for i := range mask.Pix {
				hidden := 1 - (white.pixels[i].g - black.pixels[i].g)
				if (mask.Pix[i] == 255) != (hidden > 0.5-1e-9) {
					t.Fatalf("%s %d: pixel (%d, %d) hides %.3f of the background, but its mask is %d", shape.name, index, i%side, i/side, hidden, mask.Pix[i])
				}
				if black.object[i] > 0 && !black.colored[i] {
					t.Fatalf("%s %d: pixel (%d, %d) is covered, %.3f, but has no color", shape.name, index, i%side, i/side, black.object[i])
				}
			}
		}
	}
}

// Image i of a class depends on (seed, class, i) only.
func TestSyntheticSeeds(t *testing.T) {
	draw := func(class, index int, opts SyntheticOptions) []uint8 {
		opts.Width, opts.Height = 32, 32
		img, _, err := SyntheticImage(class, index, opts)
		if err != nil {
			t.Fatal(err)
		}
		return img.Pix
	}
	base := draw(1, 2, SyntheticOptions{Seed: 9})
	if !bytes.Equal(base, draw(1, 2, SyntheticOptions{Seed: 9, PerClass: 77})) {
		t.Error("the number of images matters")
	}
	for _, other := range [][]uint8{draw(1, 2, SyntheticOptions{Seed: 10}), draw(1, 3, SyntheticOptions{Seed: 9}), draw(2, 2, SyntheticOptions{Seed: 9})} {
		if bytes.Equal(base, other) {
			t.Error("another seed, index or class gives the same picture")
		}
	}
}

func TestHSV(t *testing.T) {
	for _, test := range []struct{ h, s, v, r, g, b float64 }{
		{0, 1, 1, 1, 0, 0}, {1. / 3, 1, 1, 0, 1, 0}, {2. / 3, 1, 1, 0, 0, 1}, {1. / 6, 1, 0.5, 0.5, 0.5, 0},
		{0.4, 0, 0.7, 0.7, 0.7, 0.7}, {1, 0.5, 1, 1, 0.5, 0.5}, {-1. / 3, 1, 1, 0, 0, 1},
	} {
		got, want := hsv(test.h, test.s, test.v), rgb{test.r, test.g, test.b}
		if d := (rgb{got.r - want.r, got.g - want.g, got.b - want.b}); max(d.r, d.g, d.b, -d.r, -d.g, -d.b) > 1e-9 {
			t.Errorf("hsv(%v, %v, %v) is %v, want %v", test.h, test.s, test.v, got, want)
		}
	}
}

// A blur keeps the sum and is that of three plain boxes.
func TestBlur(t *testing.T) {
	const w, h, radius = 15, 13, 1
	values := make([]float64, w*h)
	values[6*w+7] = 27 * 27
	got := blur(values, w, h, radius)
	line := []float64{1, 3, 6, 7, 6, 3, 1} // (1 1 1) convolved with itself, twice
	for y := range h {
		for x := range w {
			want := 0.0
			if dx, dy := x-4, y-3; dx >= 0 && dx < 7 && dy >= 0 && dy < 7 {
				want = line[dx] * line[dy]
			}
			if d := got[y*w+x] - want; d > 1e-9 || d < -1e-9 {
				t.Errorf("(%d, %d) is %v, want %v", x, y, got[y*w+x], want)
			}
		}
	}
}

// What a killed process had put in place is drawn anew. What somebody put there since
// then stays.
func TestSynthesizeAfterAKill(t *testing.T) {
	opts := SyntheticOptions{PerClass: 1, Width: 32, Height: 32}
	killed := func(moved ...string) string {
		dir := t.TempDir()
		if err := Synthesize(t.Context(), dir, opts); err != nil {
			t.Fatal(err)
		}
		draft := filepath.Join(dir, draftPrefix+"1")
		err := errors.Join(os.Mkdir(draft, 0o777), os.Rename(filepath.Join(dir, checksum.File), filepath.Join(draft, checksum.File)))
		for _, kind := range syntheticKinds {
			if !slices.Contains(moved, kind) {
				err = errors.Join(err, os.Rename(filepath.Join(dir, kind), filepath.Join(draft, kind)))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
	for _, moved := range [][]string{{}, {"masks"}, {"masks", "images"}} {
		dir := killed(moved...)
		if err := Synthesize(t.Context(), dir, opts); err != nil {
			t.Errorf("killed with %v in place: %v", moved, err)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 3 {
			t.Errorf("killed with %v in place: %v is left", moved, entries)
		}
	}
	dir := killed("masks")
	mine := []string{filepath.Join(dir, "images", "mine.png"), filepath.Join(dir, "masks", "can", "0000.png")}
	for _, path := range mine {
		testkit.Write(t, path, "mine")
	}
	if err := Synthesize(t.Context(), dir, opts); err == nil || !strings.Contains(err.Error(), "is not empty; name a new folder") {
		t.Errorf("over other files: %v", err)
	}
	for _, path := range mine {
		if b, err := os.ReadFile(path); err != nil || string(b) != "mine" {
			t.Errorf("%s holds %q, %v", path, b, err)
		}
	}
}

// A call that is interrupted leaves nothing: neither its pictures nor its folder.
func TestInterruptedSyntheticLeavesNothing(t *testing.T) {
	for name, synthesize := range map[string]func(context.Context, string, SyntheticOptions) error{"objects": Synthesize, "labels": SynthesizeLabels} {
		dir := filepath.Join(t.TempDir(), "new")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := synthesize(ctx, dir, SyntheticOptions{PerClass: 2, Width: 32, Height: 32}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: the folder is there", name)
		}
	}
}
