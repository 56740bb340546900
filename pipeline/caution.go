package pipeline

import (
	"context"
	"fmt"
	"math"

	"oscar/explain"
)

// largeGap is the share of the score's difference that the map of integrated
// gradients may miss before it is doubted.
const largeGap = 0.1

// caution says why a map that is ok is to be doubted, by what the method tells
// of its work; "" if nothing speaks against it.
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

// doubting is an explainer whose first caution is told.
type doubting struct {
	explain.Explainer
	tell func(caution string)
}

func (d doubting) Explain(ctx context.Context, images explain.Images, targets []int) ([]explain.Attribution, error) {
	attributions, err := d.Explainer.Explain(ctx, images, targets)
	for _, a := range attributions {
		if c := caution(a); c != "" {
			d.tell(c)
			break
		}
	}
	return attributions, err
}

// remark is what is to be said of a row's map, if anything: why it is not ok, or
// to be doubted.
func (r Row) remark() string {
	if r.Reason != "" {
		return r.Reason
	}
	return r.Caution
}
