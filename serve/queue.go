package serve

import (
	"context"
	"errors"
	"sync"
	"time"

	"oscar/explain"
)

// errFull is the error of a full queue.
var errFull = errors.New("the queue is full; try again later")

// errClosed is the error of a closed queue.
var errClosed = errors.New("the server is stopping")

// job is an image in the queue.
type job struct {
	query
	ctx     context.Context
	pixels  []float32
	target  int
	arrived time.Time
	done    func(answer, error)
}

// queue collects jobs and runs jobs with equal queries as a batch. At most limit jobs wait.
type queue struct {
	limit    int
	maxBatch int           // images in a run of the model
	timeout  time.Duration // the maximum time that a job waits for others
	observe  func(batch int, waited time.Duration)

	mu      sync.Mutex
	changed *sync.Cond
	waiting []*job // in the order of arrival
	closed  bool
	workers sync.WaitGroup
}

// newQueue starts a queue with a number of workers, each with one run at a time.
func newQueue(workers, limit, maxBatch int, timeout time.Duration, observe func(int, time.Duration)) *queue {
	q := &queue{limit: limit, maxBatch: maxBatch, timeout: timeout, observe: observe}
	q.changed = sync.NewCond(&q.mu)
	for range workers {
		q.workers.Go(func() {
			for batch := q.next(); batch != nil; batch = q.next() {
				q.run(batch)
			}
		})
	}
	return q
}

// length returns the number of waiting jobs.
func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// close stops the queue when its waiting jobs are done.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.changed.Broadcast()
	q.workers.Wait()
}

// ask answers a query for images. It returns errFull if the queue has no room for all of them. If
// ctx is done, the waiting jobs are dropped. After ask returns, no run uses the query's version.
func (q *queue) ask(ctx context.Context, what query, images explain.Images, targets []int) ([]answer, error) {
	type result struct {
		at int
		answer
		err error
	}
	results := make(chan result, images.N)
	q.mu.Lock()
	switch {
	case q.closed:
		q.mu.Unlock()
		return nil, errClosed
	case len(q.waiting)+images.N > q.limit:
		q.dropCanceled()
		if len(q.waiting)+images.N > q.limit {
			q.mu.Unlock()
			return nil, errFull
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // after an error, cancel the other jobs
	for i := range images.N {
		q.waiting = append(q.waiting, &job{
			query: what, ctx: ctx, pixels: images.Slice(i, i+1).Pixels, target: targets[i], arrived: time.Now(),
			done: func(a answer, err error) { results <- result{i, a, err} },
		})
	}
	q.mu.Unlock()
	q.changed.Broadcast()
	out := make([]answer, images.N)
	var failed error
	gone := ctx.Done()
	for got := 0; got < images.N; {
		select {
		case r := <-results:
			got++
			out[r.at] = r.answer
			if r.err != nil && failed == nil {
				failed = r.err
				cancel()
			}
		case <-gone:
			gone = nil
			q.mu.Lock()
			q.dropCanceled()
			q.mu.Unlock()
		}
	}
	return out, failed
}

// dropCanceled removes the jobs whose context is done. The caller holds the mutex.
func (q *queue) dropCanceled() {
	kept := q.waiting[:0]
	for _, j := range q.waiting {
		if err := j.ctx.Err(); err != nil {
			j.done(answer{}, err)
		} else {
			kept = append(kept, j)
		}
	}
	clear(q.waiting[len(kept):])
	q.waiting = kept
}

// next waits for a batch: the jobs with the oldest job's query, when they fill a batch or the oldest
// has waited long enough. It returns nil when the queue is closed and empty.
func (q *queue) next() []*job {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		q.dropCanceled()
		if len(q.waiting) == 0 {
			if q.closed {
				return nil
			}
			q.changed.Wait()
			continue
		}
		oldest := q.waiting[0]
		alike := 0
		for _, j := range q.waiting {
			if j.query == oldest.query {
				alike++
			}
		}
		left := q.timeout - time.Since(oldest.arrived)
		if alike < q.maxBatch && left > 0 && !q.closed {
			timer := time.AfterFunc(left, q.wake)
			q.changed.Wait()
			timer.Stop()
			continue
		}
		return q.take(oldest.query)
	}
}

// wake wakes the workers. It locks the mutex first. Otherwise a worker that is about to wait could
// miss the signal.
func (q *queue) wake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.changed.Broadcast()
}

// take removes a batch from the queue. The caller holds the mutex.
func (q *queue) take(what query) []*job {
	var batch []*job
	rest := q.waiting[:0]
	for _, j := range q.waiting {
		if j.query == what && len(batch) < q.maxBatch {
			batch = append(batch, j)
		} else {
			rest = append(rest, j)
		}
	}
	clear(q.waiting[len(rest):])
	q.waiting = rest
	return batch
}

// run answers a batch. The run of a single job is canceled if its request is.
func (q *queue) run(batch []*job) {
	what := batch[0].query
	in := what.version.Metadata.Image
	images := explain.Images{N: len(batch), Height: in.Height, Width: in.Width, Channels: 3}
	targets := make([]int, len(batch))
	images.Pixels = batch[0].pixels
	if len(batch) > 1 {
		images.Pixels = make([]float32, 0, len(batch)*images.Size())
	}
	for i, j := range batch {
		if len(batch) > 1 {
			images.Pixels = append(images.Pixels, j.pixels...)
		}
		targets[i] = j.target
	}
	ctx := context.Background()
	if len(batch) == 1 {
		ctx = batch[0].ctx
	}
	if q.observe != nil {
		q.observe(len(batch), time.Since(batch[0].arrived))
	}
	answers, err := what.run(ctx, images, targets)
	for i, j := range batch {
		if err != nil {
			j.done(answer{}, err)
		} else {
			j.done(answers[i], nil)
		}
	}
}
