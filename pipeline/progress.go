package pipeline

import (
	"context"
	"sync"
	"time"

	"oscar/explain"
)

// Progress is how far an explaining run is.
type Progress struct {
	Images, Total int           // that are done, and in all
	Share         float64       // of the work that is done, 0..1
	Left          time.Duration // at the pace so far; 0: not known yet
}

// progress adds up what shards beside each other do.
type progress struct {
	listen func(Progress) // may be nil
	count  func(done, total int)
	begin  time.Time

	mu            sync.Mutex
	images, total int
	done, work    float64 // in images, of this stage and process
}

// shard returns what hears the share of a shard of n images, and its end.
func (p *progress) shard(n int) (share func(float64), end func()) {
	last := 0.0
	share = func(now float64) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.done += (now - last) * float64(n)
		last = now
		p.tell()
	}
	return share, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.done += (1 - last) * float64(n)
		p.images += n
		p.count(p.images, p.total)
		p.tell()
	}
}

// earlier counts a shard that is done already.
func (p *progress) earlier(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.images += n
	p.work -= float64(n)
	p.count(p.images, p.total)
}

// settled is the time after which a pace can be told.
const settled = 2 * time.Second

func (p *progress) tell() {
	if p.listen == nil || p.work <= 0 {
		return
	}
	now := Progress{Images: p.images, Total: p.total, Share: min(p.done/p.work, 1)}
	if spent := time.Since(p.begin); spent > settled && now.Share > 0 {
		now.Left = time.Duration(float64(spent) * (1 - now.Share) / now.Share)
	}
	p.listen(now)
}

// work is the work of a shard: its targets, and for each the groups of looks.
type work struct {
	x       *Explainer
	targets int
	share   func(float64) // may be nil
}

// count is what an explainer of a group tells its progress to.
func (w work) count(target, group int) countFunc {
	if w.share == nil {
		return nil
	}
	before, all := 0.0, 0.0
	for g := range w.x.groups {
		if g < group {
			before += w.x.weight(g)
		}
		all += w.x.weight(g)
	}
	return func(done, total int) {
		now := before + w.x.weight(group)*float64(done)/float64(total)
		w.share((float64(target)*all + now) / (float64(w.targets) * all))
	}
}

// weight is about how much work a group's explainer is.
func (x *Explainer) weight(group int) float64 {
	if x.passes == nil {
		return 1
	}
	return x.passes[group]
}

// weigh asks each explainer how often it shows an image to the model. It is
// stopped as soon as it has told.
func (x *Explainer) weigh(ctx context.Context) error {
	if len(x.groups) == 1 {
		return nil
	}
	in := x.bundle.Metadata.Image
	gray := explain.Images{N: 1, Height: in.Height, Width: in.Width, Channels: 3, Pixels: make([]float32, in.Height*in.Width*3)}
	for i := range gray.Pixels {
		gray.Pixels[i] = 128
	}
	x.passes = make([]float64, len(x.groups))
	for i, group := range x.groups {
		told, stop := context.WithCancel(ctx)
		x.passes[i] = 1
		e, err := newExplainer(x.settings, x.bundle, group, func(_, total int) {
			x.passes[i] = float64(total)
			stop()
		})
		if err == nil {
			_, err = e.Explain(told, gray, []int{0})
		}
		if err != nil && told.Err() == nil {
			stop()
			return err
		}
		stop()
	}
	return ctx.Err()
}
