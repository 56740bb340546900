package dataset

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"image"
	"image/draw"
	"math"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"

	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
)

// The files of a synthetic data set with several labels.
const (
	syntheticImages = "images"
	syntheticLabels = "labels.csv"
)

// SynthesizeLabels draws a small data set with several labels per image. Each image is a sheet of
// four photographs of [Synthesize], some of them empty. The number of images is PerClass times the
// number of classes. It writes
//
//	dir/images/NNNN.png
//	dir/labels.csv        path, and a column of 0 and 1 for each class
//
// It is an error if dir has any file but Mark.
func SynthesizeLabels(ctx context.Context, dir string, opts SyntheticOptions) (err error) {
	if err := opts.Check(); err != nil {
		return err
	}
	if opts, err = opts.sized(); err != nil {
		return err
	}
	if err := checkEmpty(dir, opts.Mark); err != nil {
		return err
	}
	undo, err := makeFolder(dir)
	if err != nil {
		return err
	}
	defer undo(&err)
	rows := make([][]string, opts.PerClass*len(SyntheticClasses))
	err = atomicfile.Dir(filepath.Join(dir, syntheticImages), func(draft string) error {
		group, drawing := errgroup.WithContext(ctx)
		group.SetLimit(runtime.GOMAXPROCS(0))
		for i := range rows {
			group.Go(func() error {
				if err := drawing.Err(); err != nil {
					return err
				}
				img, classes := syntheticSheet(i, opts)
				name := fmt.Sprintf("%04d.png", i)
				rows[i] = []string{syntheticImages + "/" + name}
				for _, present := range classes {
					rows[i] = append(rows[i], map[bool]string{true: "1", false: "0"}[present])
				}
				return WritePNG(filepath.Join(draft, name), img)
			})
		}
		return group.Wait()
	})
	if err != nil {
		return fmt.Errorf("cannot write synthetic images: %w", err)
	}
	var table bytes.Buffer
	w := csv.NewWriter(&table)
	if err := w.WriteAll(append([][]string{append([]string{"path"}, SyntheticClasses...)}, rows...)); err != nil {
		return err
	}
	if err := atomicfile.Write(filepath.Join(dir, syntheticLabels), table.Bytes()); err != nil {
		return err
	}
	files, err := checksum.Tree(dir)
	if err != nil {
		return err
	}
	return checksum.Update(dir, files...)
}

// syntheticSheet draws a sheet and returns which classes are on it: each with a probability of 0.3,
// but at most four.
func syntheticSheet(index int, opts SyntheticOptions) (*image.RGBA, []bool) {
	r := newRandom(opts.Seed, uint64(len(shapes)), uint64(index))
	places := []int{-1, -1, -1, -1} // the class in each quarter
	present := make([]bool, len(shapes))
	free := []int{0, 1, 2, 3}
	for _, class := range shuffled(r, len(shapes)) {
		if r.uniform(0, 1) < 0.3 && len(free) > 0 {
			k := int(r.uniform(0, float64(len(free))))
			places[free[k]], present[class] = class, true
			free = append(free[:k], free[k+1:]...)
		}
	}
	sheet := image.NewRGBA(image.Rect(0, 0, opts.Width, opts.Height))
	for quarter, class := range places {
		at := image.Rect(0, 0, opts.Width/2, opts.Height/2)
		if quarter%2 == 1 {
			at.Min.X, at.Max.X = at.Max.X, opts.Width
		}
		if quarter/2 == 1 {
			at.Min.Y, at.Max.Y = at.Max.Y, opts.Height
		}
		c := newCanvas(at.Dx(), at.Dy())
		draw.Draw(sheet, at, c.photograph(r, class), image.Point{}, draw.Src)
	}
	return sheet, present
}

// shuffled returns the numbers 0 to n-1 in random order.
func shuffled(r *random, n int) []int {
	order := make([]int, n)
	for i := range order {
		k := int(r.uniform(0, float64(i+1)))
		order[i] = order[k]
		order[k] = i
	}
	return order
}

// photograph draws an object of a class on the canvas; -1 draws none.
func (c *canvas) photograph(r *random, class int) *image.RGBA {
	side := float64(min(c.w, c.h))
	sin, cos := math.Sincos(r.uniform(0, 2*math.Pi))
	light := point{cos, sin} // towards the light, on the picture
	if class < 0 {
		c.background(r, light, side)
		return c.develop(r)
	}
	shape := shapes[class]
	angle := r.uniform(-1, 1) * shape.turn
	c.place(
		float64(c.w)/2+r.uniform(-0.10, 0.10)*side,
		float64(c.h)/2+r.uniform(-0.10, 0.10)*side,
		r.uniform(0.46, 0.64)*side, angle)
	c.light = point{light.x*c.cos + light.y*c.sin, light.y*c.cos - light.x*c.sin}
	shape.draw(c, r)
	c.background(r, light, side)
	c.shadow(r, light, side)
	c.lay()
	return c.develop(r)
}
