package instance

// effort measures the finished share of the work on a picture. Its unit is a run of the detector.
type effort struct {
	share       func(float64) // may be nil
	done, total float64
}

// expect adds planned work.
func (e *effort) expect(runs float64) { e.total += runs }

// spend adds finished work and reports the share.
func (e *effort) spend(runs float64) {
	e.done += runs
	if e.share != nil {
		e.share(e.done / max(e.total, e.done))
	}
}

// steps returns a progress function. A pass from done = 0 to done = total spends the given number of
// runs; the next call starts a new pass.
func (e *effort) steps(runs float64) func(done, total int) {
	last := 0.0
	return func(done, total int) {
		now := runs * float64(done) / float64(max(total, 1))
		e.spend(now - last)
		if last = now; done == total {
			last = 0
		}
	}
}

// drawing returns the effort of drawing one map. A pixel costs about as much as in a run of the
// detector; picture and input are numbers of pixels.
func drawing(picture, input int) float64 { return max(1, float64(picture)/float64(input)) }
