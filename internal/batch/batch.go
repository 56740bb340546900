// Package batch runs a model on images in batches, and counts the images.
package batch

// Batcher collects images of one size until they fill a batch, runs the batch, and passes each
// result to the function given with its image. It holds one batch; images stay in the order of
// submission.
type Batcher[T any] struct {
	run      func(pixels []float32, targets []int) ([]T, error)
	pixels   []float32 // room for a whole batch
	targets  []int     // of the collected images
	uses     []func(T)
	size     int // values per image
	progress *Progress
}

// New returns an empty Batcher for batches of at most batch images, at least 1, with size values
// each. run gets 1 to batch images and their targets, in memory that is reused, and returns one
// result per image.
func New[T any](size, batch int, progress *Progress, run func(pixels []float32, targets []int) ([]T, error)) *Batcher[T] {
	return &Batcher[T]{run: run, pixels: make([]float32, batch*size), size: size, progress: progress}
}

// Next returns the memory for the next image, which still has the values of an earlier one. Fill it,
// then call Submit.
func (b *Batcher[T]) Next() []float32 {
	return b.pixels[len(b.targets)*b.size : (len(b.targets)+1)*b.size]
}

// Submit adds the image in Next. If the batch is full, Submit runs it and calls use for each image
// with its result.
func (b *Batcher[T]) Submit(target int, use func(T)) error {
	b.targets = append(b.targets, target)
	b.uses = append(b.uses, use)
	if (len(b.targets)+1)*b.size <= len(b.pixels) {
		return nil
	}
	return b.Flush()
}

// Flush runs the collected images, if there are any.
func (b *Batcher[T]) Flush() error {
	n := len(b.targets)
	if n == 0 {
		return nil
	}
	results, err := b.run(b.pixels[:n*b.size], b.targets)
	if err != nil {
		return err
	}
	for i, use := range b.uses {
		use(results[i])
	}
	b.targets, b.uses = b.targets[:0], b.uses[:0]
	b.progress.Add(n)
	return nil
}

// Progress counts the images that a model was run on.
type Progress struct {
	Done, Total int
	Report      func(done, total int) // may be nil
}

// Add adds n images and reports the count. total is never below done.
func (p *Progress) Add(n int) {
	if n == 0 {
		return
	}
	p.Done += n
	if p.Report != nil {
		p.Report(p.Done, max(p.Done, p.Total))
	}
}
