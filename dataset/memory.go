package dataset

import (
	"context"
	"runtime/debug"

	"golang.org/x/sync/semaphore"
)

// decodeMemory is the memory limit of all decoders in the process: enough for a hundred phone
// photographs or one picture of 100 megapixels.
var decodeMemory = newBudget(1 << 30)

// A budget is memory that concurrent decoders share.
type budget struct {
	bytes int64
	free  *semaphore.Weighted
}

func newBudget(bytes int64) *budget {
	return &budget{bytes: bytes, free: semaphore.NewWeighted(bytes)}
}

// acquire waits until that many bytes are free, or the whole budget if it is smaller. It returns a
// function that frees them, which is never nil, and the error of ctx.
func (b *budget) acquire(ctx context.Context, bytes int64) (release func(), err error) {
	share := min(max(bytes, 0), b.bytes)
	if err := b.free.Acquire(ctx, share); err != nil {
		return func() {}, err
	}
	return func() {
		// The memory of a large image must be freed before the next one is decoded;
		// otherwise the garbage collector lets the memory double.
		if share > b.bytes/4 {
			debug.FreeOSMemory()
		}
		b.free.Release(share)
	}, nil
}
