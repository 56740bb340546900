package pipeline

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
