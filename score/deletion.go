package score

import (
	"context"

	"oscar/explain"
)

// Deletion removes pixels, the highest ranked first, and records the probability of the class
// (Petsiuk et al. 2018, RISE, arXiv:1806.07421). If the map is right, the probability falls quickly
// and the area under the curve is small:
//
//	AUC = (sum s - s_0/2 - s_n/2)/n
//
// with the probabilities s_0..s_n. A removed pixel gets a mean color, which is zero after the
// normalization in the authors' code.
type Deletion struct {
	Steps int       `json:"steps,omitempty"` // n; 0: 32. The authors change 224 pixels per step: n = 224 for 224x224
	Mean  []float32 `json:"mean,omitempty"`  // the data set's mean color; nil: each image's own
}

// Judge returns "deletion".
func (d Deletion) Judge(ctx context.Context, s Sample) (Values, error) {
	curves, err := d.Curves(ctx, s)
	if err != nil {
		return nil, err
	}
	return Values{"deletion": s.areas(curves)}, nil
}

// Curves returns the probabilities s_0..s_n of each image, or nil if the map cannot be ranked.
func (d Deletion) Curves(ctx context.Context, s Sample) ([][]float64, error) {
	if err := s.check("deletion", NeedsModel); err != nil {
		return nil, err
	}
	if err := checkColor("deletion", d.Mean, s.Images.Channels); err != nil {
		return nil, err
	}
	return curves(ctx, s, d.Steps, func(i int) (start, end []float32) {
		start, end = s.image(i), make([]float32, s.Images.Size())
		explain.Picture(meanColor(s.Images.Slice(i, i+1), d.Mean)...)(end, s.Images)
		return start, end
	})
}
