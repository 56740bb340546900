package instance

import (
	"cmp"
	"context"
	"fmt"
	"image"
	"iter"
	"runtime"

	"golang.org/x/sync/errgroup"

	"oscar/dataset"
	"oscar/instance/maskrcnn"
	"oscar/instance/scene"
	"oscar/internal/seeded"
	"oscar/tfmodel"
)

// picture is an input of the detector: an image resized to fit, with its aspect ratio kept and gray
// padding.
type picture struct {
	Image  *image.RGBA // original
	Pixels []uint8     // of the detector's input, [H,W,3]
	Place  maskrcnn.Place
}

// padding is the gray value of the padding.
const padding = 128

// fit resizes and pads an image to the input shape.
func fit(img *image.RGBA, input tfmodel.Shape) picture {
	f := dataset.Framing{Height: input[0], Width: input[1], Aspect: dataset.Letterbox, Padding: padding}
	p := picture{Image: img, Pixels: make([]uint8, input.Elements())}
	dataset.CopyRGB(p.Pixels, f.Apply(img))
	size := img.Rect.Size()
	_, placed := f.Place(size)
	p.Place = maskrcnn.Place{
		Left: float64(placed.Min.X), Top: float64(placed.Min.Y),
		Wide: float64(placed.Dx()) / float64(size.X), High: float64(placed.Dy()) / float64(size.Y),
	}
	return p
}

// read reads a scene's picture.
func read(s scene.Scene, input tfmodel.Shape, limits dataset.Limits) (picture, error) {
	img, err := dataset.DecodeFile(s.Path, limits)
	if err != nil {
		return picture{}, err
	}
	if size := img.Rect.Size(); size.X != s.Image.Width || size.Y != s.Image.Height {
		return picture{}, fmt.Errorf("%s has %d x %d pixels, its annotation says %d x %d", s.Path, size.X, size.Y, s.Image.Width, s.Image.Height)
	}
	return fit(img, input), nil
}

// example returns a scene as an input of the trainer.
func example(s scene.Scene, input tfmodel.Shape, limits dataset.Limits, mirrored bool) (maskrcnn.Example, error) {
	p, err := read(s, input, limits)
	if err != nil {
		return maskrcnn.Example{}, err
	}
	e := maskrcnn.Example{Pixels: p.Pixels}
	height, width := input[0], input[1]
	for _, o := range s.Objects {
		box := p.Place.Input([4]float64{o.Box[0], o.Box[1], o.Box[0] + o.Box[2], o.Box[1] + o.Box[3]})
		whole, inside := o.Mask.Pixels(), make([]uint8, height*width)
		for y := range height {
			for x := range width {
				if fromX, fromY, ok := p.Place.Pixel(x, y, s.Image.Width, s.Image.Height); ok {
					inside[y*width+x] = whole[fromY*s.Image.Width+fromX]
				}
			}
		}
		tiny := box[2]-box[0] < 1 || box[3]-box[1] < 1
		e.Objects = append(e.Objects, maskrcnn.Object{Box: box, Class: o.Class, Ignore: o.Ignore || tiny, Mask: inside})
	}
	if mirrored {
		mirror(&e, height, width)
	}
	return e, nil
}

// mirror flips an example horizontally.
func mirror(e *maskrcnn.Example, height, width int) {
	swap := func(values []uint8, channels int) {
		for y := range height {
			row := values[y*width*channels:][:width*channels]
			for x := range width / 2 {
				for c := range channels {
					a, b := x*channels+c, (width-1-x)*channels+c
					row[a], row[b] = row[b], row[a]
				}
			}
		}
	}
	swap(e.Pixels, 3)
	for i := range e.Objects {
		o := &e.Objects[i]
		o.Box[0], o.Box[2] = float32(width)-o.Box[2], float32(width)-o.Box[0]
		swap(o.Mask, 1)
	}
}

// prepared is a batch and its number of scenes.
type prepared struct {
	batch maskrcnn.Batch
	n     int
	err   error
}

// batchesAhead is the number of batches prepared while a step runs.
const batchesAhead = 2

// batches prepares the batches of an epoch concurrently and yields them in order. order lists the
// scenes; batches start at position first. A scene's random values depend on the seed, the epoch and
// the position only.
func (f *fitting) batches(ctx context.Context, order []int, first int) iter.Seq2[prepared, error] {
	return func(yield func(prepared, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		size := f.run.Experiment.Training.Batch
		queue := make(chan chan prepared, batchesAhead)
		go func() {
			defer close(queue)
			for at := first; at < len(order); at += size {
				out := make(chan prepared, 1)
				select {
				case queue <- out:
				case <-ctx.Done():
					return
				}
				part := order[at:min(at+size, len(order))]
				go func() { out <- f.prepare(part, at) }()
			}
		}()
		for out := range queue {
			b := <-out
			if !yield(b, b.err) {
				return
			}
		}
	}
}

// prepare returns the batch that starts at a position of the order.
func (f *fitting) prepare(order []int, first int) prepared {
	e := f.run.Experiment
	var examples []maskrcnn.Example
	var keys []uint64
	for i, scene := range order {
		key := seeded.Digest(nil, e.Seed, uint64(f.state.Epoch), uint64(first+i))
		draw := seeded.WithKey(key)
		one, err := example(f.train.Scenes[scene], e.Detector.Input, f.machine.Limits, draw.Float64() < e.Training.Flip)
		if err != nil {
			return prepared{err: err}
		}
		examples, keys = append(examples, one), append(keys, draw.Uint64())
		if c := e.Training.Color; c > 0 {
			factor := func() float64 { return 1 + c*(2*draw.Float64()-1) }
			dataset.Recolor(one.Pixels, factor(), factor(), factor())
		}
	}
	b, err := f.trainer.NewBatch(examples, keys)
	return prepared{b, len(order), err}
}

// decoded is a picture, or the error of reading it.
type decoded struct {
	picture
	err error
}

// ahead reads n elements in batches of a size, and yields each batch with the index of its first
// element. workers read each batch concurrently (0: one per processor). The next batch is read while
// the caller uses the current one.
func ahead[T any](n, size, workers int, read func(i int) T) iter.Seq2[int, []T] {
	return func(yield func(int, []T) bool) {
		queue, stop := make(chan []T), make(chan struct{})
		defer close(stop)
		go func() {
			defer close(queue)
			for first := 0; first < n; first += size {
				batch := make([]T, min(size, n-first))
				var group errgroup.Group
				group.SetLimit(cmp.Or(workers, runtime.GOMAXPROCS(0)))
				for i := range batch {
					group.Go(func() error {
						batch[i] = read(first + i)
						return nil
					})
				}
				group.Wait()
				select {
				case queue <- batch:
				case <-stop:
					return
				}
			}
		}()
		first := 0
		for batch := range queue {
			if !yield(first, batch) {
				return
			}
			first += len(batch)
		}
	}
}
