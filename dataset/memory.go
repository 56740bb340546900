package dataset

import (
	"context"
	"runtime/debug"

	"golang.org/x/sync/semaphore"
)

// decodeMemory is what all decoders of the process together may take: enough for
// a hundred photographs of a telephone, or for one picture of 100 megapixels.
var decodeMemory = newBudget(1 << 30)

// A budget of memory is shared by those that decode concurrently.
type budget struct {
	bytes int64
	free  *semaphore.Weighted
}

func newBudget(bytes int64) *budget {
	return &budget{bytes: bytes, free: semaphore.NewWeighted(bytes)}
}

// acquire waits until so many bytes are free, or all if that is less, and returns
// how to give them back, which is never nil. Its error is that of ctx.
func (b *budget) acquire(ctx context.Context, bytes int64) (release func(), err error) {
	share := min(max(bytes, 0), b.bytes)
	if err := b.free.Acquire(ctx, share); err != nil {
		return func() {}, err
	}
	return func() {
		// What a large image leaves behind must be gone before the next one begins;
		// the collector alone lets the memory double.
		if share > b.bytes/4 {
			debug.FreeOSMemory()
		}
		b.free.Release(share)
	}, nil
}
