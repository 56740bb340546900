package scene

import (
	"context"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"oscar/dataset"
	"oscar/instance/coco"
	"oscar/instance/mask"
	"oscar/internal/seeded"
)

// ComposeOptions are the options of [Compose].
type ComposeOptions struct {
	Photos string // a folder with one sub-folder of pictures per class
	Options
	// Photographs writes the photographs themselves, with their objects' masks, instead of scenes.
	Photographs bool
	Limits      dataset.Limits
	OnStage     func(name string)
	OnCount     func(done, total int)
}

// ComposeSummary counts the objects of the scenes.
type ComposeSummary struct {
	Photos  int
	Objects map[string]map[string]int // that were cut out, by part and class
	Refused map[string]int            // number of photographs, by the reason
}

// Compose makes scenes of objects that it cuts out of photographs, by the alpha channel or against a
// plain background. It skips photographs without a clean object. A part's objects come only from
// photographs of that part, and near-duplicates are in the same part.
func Compose(ctx context.Context, dir string, o ComposeOptions) (*ComposeSummary, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	if err := writable(dir); err != nil {
		return nil, err
	}
	scan := dataset.ScanOptions{Limits: o.Limits, Progress: o.OnCount}
	o.OnStage("comparing photographs")
	folder, err := dataset.Scan(ctx, o.Photos, scan)
	if err != nil {
		return nil, err
	}
	if err := folder.Group(ctx, dataset.GroupByNearDuplicates, dataset.DefaultNearDuplicateDistance, scan); err != nil {
		return nil, err
	}
	split, err := dataset.NewSplit(folder, [3]float64{0.7, 0.15, 0.15}, o.Seed)
	if err != nil {
		return nil, err
	}
	s := &ComposeSummary{Objects: map[string]map[string]int{}, Refused: map[string]int{}}
	objects := map[string][][]*cutout{} // by part and class
	o.OnStage("cutting out objects")
	for i, items := range [][]dataset.Item{split.Train, split.Validation, split.Test} {
		part := Parts[i]
		byClass, err := cutAll(ctx, o, items, len(split.Classes), s)
		if err != nil {
			return nil, err
		}
		objects[part], s.Objects[part] = byClass, map[string]int{}
		for c, list := range byClass {
			s.Objects[part][split.Classes[c]] = len(list)
			if len(list) == 0 && !o.Photographs {
				return nil, fmt.Errorf("no object of class %s in part %s can be cut out of %d photographs; the background must be plain, or the pictures have alpha", split.Classes[c], part, len(items))
			}
		}
	}
	if o.Photographs {
		return s, o.writePhotographs(dir, split, objects)
	}
	o.OnStage("composing scenes")
	var done atomic.Int64
	return s, write(ctx, dir, coco.Categories(split.Classes), o.Scenes, o.part, split, func(i int) (image.Image, []object, error) {
		defer func() { o.count(done.Add(1), o.Scenes) }()
		key := seeded.Digest(nil, o.Seed, uint64(i), 0xc0305e)
		img, found := compose(objects[o.part(i)], o.sized(), seeded.WithKey(key))
		return img, found, nil
	})
}

func (o ComposeOptions) count(done int64, total int) {
	if o.OnCount != nil {
		o.OnCount(int(done), total)
	}
}

// cutAll cuts objects out of the pictures, by class.
func cutAll(ctx context.Context, o ComposeOptions, items []dataset.Item, classes int, s *ComposeSummary) ([][]*cutout, error) {
	cut, reasons := make([]*cutout, len(items)), make([]error, len(items))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	var done atomic.Int64
	for i, item := range items {
		group.Go(func() error {
			defer func() { o.count(done.Add(1), len(items)) }()
			cut[i], reasons[i] = newCutout(filepath.Join(o.Photos, filepath.FromSlash(item.Path)), item.Class, o.Limits)
			if reasons[i] == nil {
				cut[i].path = item.Path
			}
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	s.Photos += len(items)
	out := make([][]*cutout, classes)
	for i, c := range cut {
		if reasons[i] != nil {
			s.Refused[reasons[i].Error()]++
			continue
		}
		out[c.class] = append(out[c.class], c)
	}
	return out, nil
}

func (o Options) sized() image.Point {
	size := image.Pt(o.Width, o.Height)
	if size.X == 0 {
		size.X = 256
	}
	if size.Y == 0 {
		size.Y = 256
	}
	return size
}

// compose puts two to seven objects with shadows on a plain background. Half of them are placed near
// another object, and half of these near an object of their class. If an object is cut by the border
// of its photograph, it lies at the border of the scene.
func compose(objects [][]*cutout, size image.Point, r *rand.Rand) (image.Image, []object) {
	uniform := func(low, high float64) float64 { return low + r.Float64()*(high-low) }
	side := float64(min(size.X, size.Y))
	canvas := make([]float64, 3*size.X*size.Y)
	paintBackground(canvas, size, r)
	angle := uniform(0, 2*math.Pi)
	light := [2]float64{math.Cos(angle), math.Sin(angle)}
	shade, reach := uniform(0.2, 0.45), uniform(0.01, 0.03)*side
	type place struct {
		x, y  float64
		class int
	}
	var places []place
	var found []object
	for range 2 + r.IntN(6) {
		at := place{uniform(0.1, 0.9) * float64(size.X), uniform(0.1, 0.9) * float64(size.Y), r.IntN(len(objects))}
		if len(places) > 0 && r.IntN(2) == 0 {
			near := places[r.IntN(len(places))]
			turn, distance := uniform(0, 2*math.Pi), uniform(0.12, 0.28)*side
			at.x = min(max(near.x+distance*math.Cos(turn), 0.05*float64(size.X)), 0.95*float64(size.X))
			at.y = min(max(near.y+distance*math.Sin(turn), 0.05*float64(size.Y)), 0.95*float64(size.Y))
			if r.IntN(2) == 0 {
				at.class = near.class
			}
		}
		c := objects[at.class][r.IntN(len(objects[at.class]))]
		if c.cut != (sides{}) && r.IntN(2) == 0 { // prefer complete objects
			c = objects[at.class][r.IntN(len(objects[at.class]))]
		}
		p := pose{
			x: at.x, y: at.y, angle: uniform(0, 2*math.Pi), mirrored: r.IntN(2) == 0,
			scale: uniform(0.25, 0.55) * side / float64(max(c.height, c.width)),
		}
		if c.cut != (sides{}) {
			p.scale *= 1.25
			p = c.alignCut(p, size, r.IntN(4), uniform(-1, 1))
		}
		at.x, at.y = p.x, p.y
		places = append(places, at)
		l := c.placed(size, p)
		l.castShadow(canvas, size, light, reach, shade)
		m := l.paint(canvas, size, uniform(0.85, 1.1))
		for k := range found {
			found[k].Visible = mask.Minus(found[k].Visible, m)
		}
		if m.Area() > 0 {
			found = append(found, object{Class: at.class, Visible: m, Whole: m})
		}
	}
	return toImage(canvas, size, r), found
}

// paintBackground fills the canvas with a plain light background that gets brighter towards one side.
func paintBackground(canvas []float64, size image.Point, r *rand.Rand) {
	base := 150 + 90*r.Float64()
	var tint, slope [3]float64
	for k := range 3 {
		tint[k] = base + 24*(r.Float64()-0.5)
	}
	slope[0], slope[1] = 40*(r.Float64()-0.5), 40*(r.Float64()-0.5)
	for i := range size.X * size.Y {
		x, y := float64(i%size.X)/float64(size.X)-0.5, float64(i/size.X)/float64(size.Y)-0.5
		for k := range 3 {
			canvas[3*i+k] = tint[k] + slope[0]*x + slope[1]*y
		}
	}
}

// toImage returns the canvas as an 8-bit picture with a little noise.
func toImage(canvas []float64, size image.Point, r *rand.Rand) image.Image {
	img := image.NewRGBA(image.Rectangle{Max: size})
	noise := 1 + 2*r.Float64()
	for i := range size.X * size.Y {
		for k := range 3 {
			img.Pix[4*i+k] = uint8(math.Round(min(max(canvas[3*i+k]+noise*r.NormFloat64(), 0), 255)))
		}
		img.Pix[4*i+3] = 255
	}
	return img
}
