package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"sync"

	"oscar/explain"
)

// largeGap is the largest gap of integrated gradients without a caution, relative to the difference
// of the scores.
const largeGap = 0.1

// caution returns the reason to doubt a map with status ok, from the method's facts. It returns ""
// if there is none.
func caution(a explain.Attribution) string {
	if a.Status != explain.OK {
		return ""
	}
	if superpixels, ok := a.Facts["superpixels"]; ok && a.Facts["samples"] < superpixels+1 {
		return fmt.Sprintf("%.0f samples cannot tell %.0f superpixels apart; want at least %.0f, better ten times as many", a.Facts["samples"], superpixels, superpixels+1)
	}
	if gap, ok := a.Facts["gap"]; ok {
		difference := math.Abs(float64(a.Score) - a.Facts["baseline_score"])
		if math.Abs(gap) > largeGap*difference {
			return fmt.Sprintf("the map's sum misses the score's difference, %.3g, by %.2g; take more samples (steps)", difference, math.Abs(gap))
		}
	}
	return ""
}

// cautionCounter is an explainer that counts its maps, and those with a caution.
type cautionCounter struct {
	explain.Explainer
	mutex          sync.Mutex
	maps, doubtful int
	first          string // the first caution
}

// Explain implements [explain.Explainer].
func (d *cautionCounter) Explain(ctx context.Context, images explain.Images, targets []int) ([]explain.Attribution, error) {
	attributions, err := d.Explainer.Explain(ctx, images, targets)
	d.mutex.Lock()
	defer d.mutex.Unlock()
	for _, a := range attributions {
		d.maps++
		if c := caution(a); c != "" {
			d.doubtful++
			d.first = cmp.Or(d.first, c)
		}
	}
	return attributions, err
}

// cautionNote returns a note with the number of maps with a caution, "" if there is none.
func (d *cautionCounter) cautionNote(method string) string {
	if d.doubtful == 0 {
		return ""
	}
	return fmt.Sprintf("%s: %d of the %d maps made are to be doubted, the first: %s", method, d.doubtful, d.maps, d.first)
}
