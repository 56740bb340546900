package dataset

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
)

// A Batch is N labeled images of one size, ready to feed to a model.
type Batch struct {
	N, Height, Width int
	Images           []uint8 // RGB, 0 to 255, [N, Height, Width, 3], row-major
	Labels           []int   // N class indices
	Items            []Item  // the N items of the images
	// Partners are the indices of the images that each image is mixed with. Shares are each image's own
	// shares, 0 to 1. Both are nil without mixing; see [Mixing].
	Partners []int
	Shares   []float32
}

// A slot is a batch that is being decoded.
type slot struct {
	Batch
	order []int         // index of each image in the epoch; settle removes skipped images
	errs  []error       // one per image
	left  atomic.Int64  // number of unfinished images
	done  chan struct{} // closed when all images are finished
}

type job struct {
	slot *slot
	i    int
}

// Batches yields the items in the given order (indices into items; nil: unchanged) in batches of
// size; the last batch may be smaller. Images are decoded in parallel and in advance.
//
// A batch is valid until the next iteration, because its buffers are reused. The iteration ends
// after an error. When the loop ends (also by break or because ctx is canceled), all goroutines
// have ended.
func (l *Loader) Batches(ctx context.Context, items []Item, order []int, size int) iter.Seq2[*Batch, error] {
	return l.Augmented(ctx, items, order, size, Epoch{})
}

// Augmented is Batches with augmented images. order has indices below [Augmentation.Images] of
// len(items): first the len(items) images, then as many for each copy.
func (l *Loader) Augmented(ctx context.Context, items []Item, order []int, size int, epoch Epoch) iter.Seq2[*Batch, error] {
	return func(yield func(*Batch, error) bool) {
		if size <= 0 {
			yield(nil, fmt.Errorf("batch size %d: it must be positive", size))
			return
		}
		n := epoch.Augmentation.Images(len(items))
		if order == nil {
			order = make([]int, n)
			for i := range order {
				order[i] = i
			}
		}
		for _, i := range order {
			if i < 0 || i >= n {
				yield(nil, fmt.Errorf("order names item %d of %d", i, n))
				return
			}
		}
		var running sync.WaitGroup
		defer running.Wait()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()

		ready := make(chan *slot, l.opts.Ahead+1) // in order, perhaps unfinished
		free := make(chan *slot, l.opts.Ahead+1)  // every slot fits
		jobs := make(chan job)
		for range l.opts.Ahead + 1 {
			free <- l.slot(size)
		}
		running.Go(func() { plan(ctx, items, order, size, free, ready, jobs) })
		for range l.opts.Workers {
			running.Go(func() { l.work(ctx, jobs, epoch, len(items)) })
		}
		for s := range ready {
			select {
			case <-s.done:
			case <-ctx.Done():
			}
			if ctx.Err() != nil {
				break
			}
			if err := l.settle(s); err != nil {
				yield(nil, err)
				return
			}
			epoch.mix(&s.Batch, s.order)
			if s.N > 0 && !yield(&s.Batch, nil) {
				return
			}
			free <- s
		}
		if err := ctx.Err(); err != nil {
			yield(nil, err)
			return
		}
		for range l.opts.Ahead + 1 {
			l.pool.Put(<-free)
		}
	}
}

// plan sends batches, and jobs for their images, as slots become free.
func plan(ctx context.Context, items []Item, order []int, size int, free <-chan *slot, ready chan<- *slot, jobs chan<- job) {
	defer close(jobs)
	defer close(ready)
	for len(order) > 0 {
		var s *slot
		select {
		case s = <-free:
		case <-ctx.Done():
			return
		}
		n := min(size, len(order))
		s.begin(items, order[:n])
		order = order[n:]
		select {
		case ready <- s:
		case <-ctx.Done():
			return
		}
		for i := range n {
			select {
			case jobs <- job{s, i}:
			case <-ctx.Done():
				return
			}
		}
	}
}

// work decodes and augments images until jobs is closed. n is the number of images in the data set.
func (l *Loader) work(ctx context.Context, jobs <-chan job, epoch Epoch, n int) {
	var buf []byte
	scratch := make([]uint8, 3*l.opts.Height*l.opts.Width)
	for j := range jobs {
		if ctx.Err() != nil {
			continue
		}
		s := j.slot
		length := 3 * s.Height * s.Width
		pixels := s.Images[j.i*length : (j.i+1)*length]
		buf, s.errs[j.i] = l.load(ctx, s.Items[j.i], pixels, buf)
		if s.errs[j.i] == nil {
			for _, c := range epoch.changes(s.order[j.i], n) {
				c.apply(pixels, scratch, s.Height, s.Width)
			}
		}
		if s.left.Add(-1) == 0 {
			close(s.done)
		}
	}
}

// slot returns a slot with room for size images.
func (l *Loader) slot(size int) *slot {
	length := size * 3 * l.opts.Height * l.opts.Width
	if s, ok := l.pool.Get().(*slot); ok && cap(s.Images) >= length {
		return s
	}
	return &slot{Batch: Batch{Height: l.opts.Height, Width: l.opts.Width, Images: make([]uint8, length)}}
}

// begin fills a slot with the images to decode.
func (s *slot) begin(items []Item, order []int) {
	s.N = len(order)
	s.Images = s.Images[:s.N*3*s.Height*s.Width]
	s.Labels, s.Items, s.errs = s.Labels[:0], s.Items[:0], s.errs[:0]
	s.order = append(s.order[:0], order...)
	for _, i := range order {
		i %= len(items)
		s.Items = append(s.Items, items[i])
		s.Labels = append(s.Labels, items[i].Class)
		s.errs = append(s.errs, nil)
	}
	s.left.Store(int64(s.N))
	s.done = make(chan struct{})
}

// settle returns the first error of a finished batch. If files may be skipped, it removes them from
// the batch instead.
func (l *Loader) settle(s *slot) error {
	length := 3 * s.Height * s.Width
	kept := 0
	for i, err := range s.errs {
		if err != nil {
			if l.opts.Skip == nil {
				return err
			}
			l.opts.Skip(s.Items[i], err)
			continue
		}
		if kept < i {
			copy(s.Images[kept*length:], s.Images[i*length:(i+1)*length])
			s.Items[kept], s.Labels[kept], s.order[kept] = s.Items[i], s.Labels[i], s.order[i]
		}
		kept++
	}
	s.N, s.Images, s.Labels, s.Items = kept, s.Images[:kept*length], s.Labels[:kept], s.Items[:kept]
	return nil
}
