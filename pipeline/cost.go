package pipeline

// cost measures the progress of a shard. Its unit is a model pass of one image.
type cost struct {
	share       func(float64) // may be nil
	done, total int
}

// newCost returns the cost of explaining n images by every group of methods once.
func (m *mapper) newCost(n int, share func(float64)) *cost {
	c := &cost{share: share}
	for _, passes := range m.passes {
		c.total += passes * n
	}
	return c
}

// of returns the progress function for an explainer with that many passes. It converts the
// explainer's done and total to the shard's share.
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
