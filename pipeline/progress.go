package pipeline

import (
	"sync"
	"time"
)

// Progress is the progress of an [Explain].
type Progress struct {
	Images, Total int           // images that are done, and all images
	Share         float64       // share of the work that is done, 0..1
	Left          time.Duration // estimated from the pace so far; 0: not known yet
}

// tracker adds up the progress of shards that run concurrently.
type tracker struct {
	listen func(Progress) // may be nil
	count  func(done, total int)
	begin  time.Time

	mu            sync.Mutex
	images, total int
	done, work    float64 // in images, of this stage and process
}

// shard returns two functions: share receives the share of a shard of n images that is
// done, end is called when it is finished.
func (t *tracker) shard(n int) (share func(float64), end func()) {
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

// skip counts a shard that was finished before.
func (t *tracker) skip(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.images += n
	t.work -= float64(n)
	t.count(t.images, t.total)
}

// settled is the time before the pace is used for estimates.
const settled = 2 * time.Second

func (t *tracker) report() {
	if t.listen == nil || t.work <= 0 {
		return
	}
	now := Progress{Images: t.images, Total: t.total, Share: min(t.done/t.work, 1)}
	if spent := time.Since(t.begin); spent > settled && now.Share > 0 {
		now.Left = time.Duration(float64(spent) * (1 - now.Share) / now.Share)
	}
	t.listen(now)
}

// cost measures the progress of a shard in images shown to the model.
type cost struct {
	share       func(float64) // may be nil
	done, total int
}

// newCost returns the cost of explaining each of n images by every group once.
func (m *mapper) newCost(n int, share func(float64)) *cost {
	c := &cost{share: share}
	for _, passes := range m.passes {
		c.total += passes * n
	}
	return c
}

// of returns the progress function of an explainer that runs the model on that many
// images. It converts the explainer's done and total to the shard's share.
func (c *cost) of(passes int) func(done, total int) {
	last := 0
	return func(done, total int) {
		now := passes * done / max(total, 1)
		c.done += now - last
		last = now
		if c.share != nil {
			c.share(float64(c.done) / float64(max(c.total, 1)))
		}
	}
}
