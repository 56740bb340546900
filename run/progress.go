package run

import (
	"sync"
	"time"
)

// Progress is the progress of explaining or drawing images.
type Progress struct {
	Images, Total int           // finished images, and all images
	Share         float64       // finished share of the work, 0..1
	Left          time.Duration // estimated from the pace so far; 0: not yet known
}

// Tracker adds up the progress of shards that run concurrently.
type Tracker struct {
	listen func(Progress) // may be nil
	count  func(done, total int)
	begin  time.Time

	mu            sync.Mutex
	images, total int
	done, work    float64 // in images, in this stage and process
}

// NewTracker returns the tracker of a job of that many images. listen receives its progress and may
// be nil. count receives the number of finished images.
func NewTracker(listen func(Progress), count func(done, total int), images int) *Tracker {
	return &Tracker{listen: listen, count: count, begin: time.Now(), total: images, work: float64(images)}
}

// Shard returns two functions for a shard of n images: share receives the finished share, and end
// must be called when the shard is finished.
func (t *Tracker) Shard(n int) (share func(float64), end func()) {
	last := 0.0
	share = func(now float64) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.done += (now - last) * float64(n)
		last = now
		t.report()
	}
	return share, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.done += (1 - last) * float64(n)
		t.images += n
		t.count(t.images, t.total)
		t.report()
	}
}

// Skip counts a shard that was finished before.
func (t *Tracker) Skip(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.images += n
	t.work -= float64(n)
	t.count(t.images, t.total)
}

// settled is the time before estimates use the pace.
const settled = 2 * time.Second

func (t *Tracker) report() {
	if t.listen == nil || t.work <= 0 {
		return
	}
	now := Progress{Images: t.images, Total: t.total, Share: min(t.done/t.work, 1)}
	if spent := time.Since(t.begin); spent > settled && now.Share > 0 {
		now.Left = time.Duration(float64(spent) * (1 - now.Share) / now.Share)
	}
	t.listen(now)
}
