package instance

// effort measures the share of a picture's work that is done, in runs of the detector.
type effort struct {
	share       func(float64) // may be nil
	done, total float64
}

// expect adds work to do.
func (e *effort) expect(runs float64) { e.total += runs }

// spend counts work that is done.
func (e *effort) spend(runs float64) {
	e.done += runs
	if e.share != nil {
		e.share(e.done / max(e.total, e.done))
	}
}

// steps returns a progress function that spends so many runs between 0 and total, and after
// that begins anew.
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

// drawing is the effort of drawing one map over a picture of so many pixels for an input of so
// many: a pixel costs about as much as in a run of the detector.
func drawing(picture, input int) float64 { return max(1, float64(picture)/float64(input)) }
