package dataset

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"math"
	"os"
	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
	"oscar/internal/paths"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// SyntheticClasses are the classes of Synthesize, sorted.
var SyntheticClasses = shapeNames()

// SyntheticOptions are the options of Synthesize.
type SyntheticOptions struct {
	PerClass      int    // images of each class, at least 1
	Width, Height int    // of an image in pixels, at least 32; 0: 256
	Seed          uint64 // of all random choices
	Mark          string // a file that the folder may already have; "": none
}

// Check returns an error for the first invalid option.
func (o SyntheticOptions) Check() error {
	if _, err := o.sized(); err != nil {
		return err
	}
	if o.PerClass < 1 {
		return fmt.Errorf("%d synthetic images per class: at least 1 is needed", o.PerClass)
	}
	return nil
}

// sized returns the options with default sizes filled in.
func (o SyntheticOptions) sized() (SyntheticOptions, error) {
	const least, most = 32, 8192
	if o.Width == 0 {
		o.Width = 256
	}
	if o.Height == 0 {
		o.Height = 256
	}
	if min(o.Width, o.Height) < least || max(o.Width, o.Height) > most {
		return o, fmt.Errorf("synthetic images of %dx%d pixels: each side must be from %d to %d", o.Width, o.Height, least, most)
	}
	return o, nil
}

// Synthesize draws a small data set similar to TrashNet: pictures of one
// waste item on a plain, light background. It writes
//
//	dir/images/<class>/NNNN.png   the pictures, for Scan
//	dir/masks/<class>/NNNN.png    255 where the object is, 0 elsewhere
//
// The classes differ in outline and inner structure. Color, size, place,
// rotation, light and noise vary within each class in the same way. Both folders
// appear when all is drawn. It is an error if dir has any file but Mark.
func Synthesize(ctx context.Context, dir string, opts SyntheticOptions) (err error) {
	if err := opts.Check(); err != nil {
		return err
	}
	if opts, err = opts.sized(); err != nil {
		return err
	}
	undo, err := makeFolder(dir)
	if err != nil {
		return err
	}
	defer undo(&err)
	lock, err := atomicfile.Lock(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(filepath.Join(dir, atomicfile.LockFile)), lock.Close()) }()
	if err := removeDrafts(dir); err != nil {
		return err
	}
	if err := checkEmpty(dir, opts.Mark); err != nil {
		return err
	}
	kinds := syntheticKinds
	draft, err := os.MkdirTemp(dir, draftPrefix+"*")
	if err != nil {
		return fmt.Errorf("cannot make folder for synthetic images: %w", err)
	}
	moved := 0
	defer func() {
		for _, kind := range kinds[:moved] {
			if err != nil {
				os.RemoveAll(filepath.Join(dir, kind))
			}
		}
		os.RemoveAll(draft)
	}()
	for _, kind := range kinds {
		for _, class := range SyntheticClasses {
			if err := os.MkdirAll(filepath.Join(draft, kind, class), 0o755); err != nil {
				return fmt.Errorf("cannot write synthetic images: %w", err)
			}
		}
	}
	group, drawing := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for index := range opts.PerClass {
		if drawing.Err() != nil {
			break
		}
		for class, name := range SyntheticClasses {
			group.Go(func() error {
				if err := drawing.Err(); err != nil {
					return err
				}
				img, mask, err := SyntheticImage(class, index, opts)
				if err != nil {
					return err
				}
				file := filepath.Join(name, fmt.Sprintf("%04d.png", index))
				if err := WritePNG(filepath.Join(draft, "images", file), img); err != nil {
					return err
				}
				return WritePNG(filepath.Join(draft, "masks", file), mask)
			})
		}
	}
	if err := cmp.Or(group.Wait(), ctx.Err()); err != nil { // the loop may have ended because ctx is done
		return fmt.Errorf("cannot write synthetic images: %w", err)
	}
	files, err := checksum.Tree(draft)
	if err != nil {
		return err
	}
	if err := checksum.Update(draft, files...); err != nil { // for removeDrafts
		return err
	}
	for _, kind := range kinds {
		if err := atomicfile.Step("move", filepath.Join(dir, kind)); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(draft, kind), filepath.Join(dir, kind)); err != nil {
			return fmt.Errorf("cannot write synthetic images: %w", err)
		}
		moved++
	}
	return checksum.Update(dir, files...)
}

// checkEmpty returns an error if a folder has anything except locks, temporary files and mark.
func checkEmpty(dir, mark string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s: %w", dir, paths.TrimError(err))
	}
	for _, e := range entries {
		if name := e.Name(); name != mark && !atomicfile.IsTemporary(name) {
			return fmt.Errorf("%s is not empty; name a new folder", dir)
		}
	}
	return nil
}

const draftPrefix = ".draft-"

// syntheticKinds are the folders of a set. Images, whose existence is checked, come last.
var syntheticKinds = []string{"masks", "images"}

// makeFolder creates a folder for synthetic images. After an error, undo, which is to be deferred,
// removes it if it was created and is empty.
func makeFolder(dir string) (undo func(failure *error), err error) {
	_, missing := os.Stat(dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot make folder for synthetic images: %w", err)
	}
	return func(failure *error) {
		if *failure != nil && missing != nil {
			os.Remove(dir) // fails if the folder has files
		}
	}, nil
}

// removeDrafts removes the remains of killed processes in a locked folder. Such a
// process may have moved its masks and images into place, but not yet written their
// checksums, which come last.
func removeDrafts(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), draftPrefix) {
			continue
		}
		draft := filepath.Join(dir, e.Name())
		drawn, err := checksum.Read(draft)
		if err != nil {
			return err
		}
		if err := removeMoved(dir, draft, drawn); err != nil {
			return err
		}
		if err := errors.Join(os.RemoveAll(draft), atomicfile.Clean(dir)); err != nil {
			return err
		}
	}
	return nil
}

// removeMoved removes the files from a folder that were moved there from a draft, unless the folder
// has its own checksums. drawn is the draft's list. Files that differ from it stay.
func removeMoved(dir, draft string, drawn checksum.List) error {
	listed, err := checksum.Read(dir)
	if err != nil {
		return err
	}
	for _, kind := range syntheticKinds {
		if _, err := os.Lstat(filepath.Join(draft, kind)); err == nil {
			continue // not moved
		}
		var names []string
		for _, name := range drawn.Names() {
			if strings.HasPrefix(name, kind+"/") && listed[name] != drawn[name] {
				names = append(names, name)
			}
		}
		if len(names) == 0 {
			continue
		}
		if damaged, err := drawn.Damaged(dir, names...); err != nil {
			return err
		} else if len(damaged) > 0 {
			continue
		}
		for _, name := range names {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
		for _, class := range append(slices.Clone(SyntheticClasses), ".") {
			_ = os.Remove(filepath.Join(dir, kind, class)) // if it is empty
		}
	}
	return nil
}

// WritePNG writes a new PNG file, with fast instead of best compression.
func WritePNG(path string, img image.Image) error {
	if err := atomicfile.Step("create", path); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(w, img); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// SyntheticImage draws image number index of a class, which is an index into SyntheticClasses. It
// also returns the object's mask: 255 where the object covers at least half of a pixel, else 0. The
// result depends only on the class, the index, and Seed, Width and Height.
func SyntheticImage(class, index int, opts SyntheticOptions) (*image.RGBA, *image.Gray, error) {
	opts, err := opts.sized()
	if err != nil {
		return nil, nil, err
	}
	if class < 0 || class >= len(shapes) || index < 0 {
		return nil, nil, fmt.Errorf("no synthetic image %d of class %d; have classes 0 to %d", index, class, len(shapes)-1)
	}
	r := newRandom(opts.Seed, uint64(class), uint64(index))
	c := newCanvas(opts.Width, opts.Height)
	return c.photograph(r, class), c.mask(), nil
}

// background draws a plain light background that is brighter towards the light.
func (c *canvas) background(r *random, light point, side float64) {
	base := hsv(r.uniform(0, 1), r.uniform(0.02, 0.22), r.uniform(0.74, 0.92))
	slope := r.uniform(0.04, 0.16) / side
	for y := range c.h {
		for x := range c.w {
			towards := (float64(x)-float64(c.w)/2)*light.x + (float64(y)-float64(c.h)/2)*light.y
			c.pixels[y*c.w+x] = base.times(1 + slope*towards)
		}
	}
}

// shadow darkens the area where the object, shifted away from the light and blurred,
// blocks the light.
func (c *canvas) shadow(r *random, light point, side float64) {
	depth := r.uniform(0.22, 0.45)
	shift := r.uniform(0.010, 0.035) * side
	soft := blur(c.object, c.w, c.h, max(1, int(r.uniform(0.010, 0.022)*side)))
	dx, dy := int(math.Round(light.x*shift)), int(math.Round(light.y*shift))
	for y := range c.h {
		for x := range c.w {
			fromX, fromY := max(0, min(c.w-1, x+dx)), max(0, min(c.h-1, y+dy))
			at := &c.pixels[y*c.w+x]
			*at = at.times(1 - depth*soft[fromY*c.w+fromX])
		}
	}
}

// develop returns an 8 bit picture with the noise of a camera.
func (c *canvas) develop(r *random) *image.RGBA {
	exposure := r.uniform(0.94, 1.04)
	noise := r.uniform(0.006, 0.020)
	img := image.NewRGBA(image.Rect(0, 0, c.w, c.h))
	for i, p := range c.pixels {
		// The sum of three uniform numbers is nearly normal.
		gray := r.uniform(-1, 1) + r.uniform(-1, 1) + r.uniform(-1, 1)
		for j, v := range [3]float64{p.r, p.g, p.b} {
			v = v*exposure + noise*(0.8*gray+0.6*r.uniform(-1, 1))
			img.Pix[4*i+j] = uint8(math.Round(255 * max(0, min(1, v))))
		}
		img.Pix[4*i+3] = 255
	}
	return img
}
