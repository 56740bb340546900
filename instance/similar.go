package instance

import (
	"context"
	"fmt"

	"oscar/explain"
	"oscar/instance/maskrcnn"
	"oscar/internal/named"
)

// The values that a score of explanations can follow while pixels change.
const (
	FollowProbability = "probability" // of the class in the fixed box
	followSimilarity  = "similarity"  // of the detection and the most similar proposal, as in D-RISE
)

// CheckFollow returns an error for an unknown name.
func CheckFollow(name string) error {
	return named.Check("follow", name, []string{FollowProbability, followSimilarity})
}

// similar is a predictor for scoring explanations. Its probability, equal for all classes, is the
// largest similarity of a fixed detection and a proposal for the image (Petsiuk et al. 2021,
// arXiv:2006.03204, section 3). So box and class may change with the image.
type similar struct {
	model     explain.Proposer
	detection explain.Proposal
	classes   int
}

// newSimilar returns a predictor for a detection with its own class probabilities.
func newSimilar(ctx context.Context, d *maskrcnn.Detector, images explain.Images, box maskrcnn.Box) (similar, error) {
	p, err := d.At(images.Pixels, box).Proposal(ctx)
	return similar{d, p, d.Architecture.Classes}, err
}

// Predict implements [explain.Predictor].
func (s similar) Predict(ctx context.Context, images explain.Images) (explain.Prediction, error) {
	all, err := s.model.Propose(ctx, images)
	if err != nil {
		return explain.Prediction{}, fmt.Errorf("similarity: %w", err)
	}
	var out explain.Prediction
	for _, proposals := range all {
		largest := 0.0
		for _, p := range proposals {
			largest = max(largest, explain.Similarity(s.detection, p))
		}
		row := make([]float32, s.classes)
		for i := range row {
			row[i] = float32(largest)
		}
		out.Logits, out.Probabilities = append(out.Logits, row), append(out.Probabilities, row)
	}
	return out, nil
}
