package score

import "context"

// Deletion removes pixels, the ones that a map ranks highest first, and follows
// the probability of the class (Petsiuk et al. 2018, RISE, arXiv:1806.07421).
// If the map is right it falls at once: a small area under the curve,
//
//	AUC = (sum s - s_0/2 - s_n/2)/n
//
// over the probabilities s_0..s_n. A removed pixel takes a mean colour, as in
// the authors' code, where it is zero after normalisation.
type Deletion struct {
	Steps int       `json:"steps,omitempty"` // n; 0 is 32. The authors change 224 pixels a step: 224 for 224x224
	Mean  []float32 `json:"mean,omitempty"`  // the data set's mean colour; nil is each image's own
}

// Judge gives "deletion".
func (d Deletion) Judge(ctx context.Context, s Sample) (Values, error) {
	curves, err := d.Curves(ctx, s)
	if err != nil {
		return nil, err
	}
	return Values{"deletion": s.areas(curves)}, nil
}

// Curves are the probabilities s_0..s_n of each image; nil where the map has no
// ranking.
func (d Deletion) Curves(ctx context.Context, s Sample) ([][]float64, error) {
	if err := s.check("deletion", NeedsModel); err != nil {
		return nil, err
	}
	if err := checkColour("deletion", d.Mean, s.Images.Channels); err != nil {
		return nil, err
	}
	return curves(ctx, s, d.Steps, func(i int) (start, end []float32) {
		image := s.image(i)
		return image, filled(len(image), meanColour(image, s.Images.Channels, d.Mean))
	})
}
