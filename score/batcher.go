package score

import (
	"cmp"
	"context"
	"fmt"

	"oscar/explain"
	"oscar/internal/batch"
	"oscar/internal/numeric"
)

// outcome is the model's prediction for one image.
type outcome struct {
	Logit, Probability float64 // of the target class
	Best               int     // the predicted class
}

// predictions returns a batcher that runs the model on changed images. total is the number of these,
// for the progress.
func (s Sample) predictions(ctx context.Context, total int) *batch.Batcher[outcome] {
	return newBatcher(ctx, s, total, func(images explain.Images, targets []int) ([]outcome, error) {
		p, err := s.Model.Predict(ctx, images)
		if err != nil {
			return nil, err
		}
		if len(p.Logits) != images.N || len(p.Probabilities) != images.N {
			return nil, fmt.Errorf("the model gave %d logits and %d probabilities for %d images", len(p.Logits), len(p.Probabilities), images.N)
		}
		outcomes := make([]outcome, images.N)
		for i, target := range targets {
			logits, probabilities := p.Logits[i], p.Probabilities[i]
			if target >= len(logits) || target >= len(probabilities) {
				return nil, fmt.Errorf("no class %d; the model has %d", target, len(probabilities))
			}
			outcomes[i] = outcome{float64(logits[target]), float64(probabilities[target]), numeric.ArgMax(probabilities)}
		}
		return outcomes, nil
	})
}

// explanations returns a batcher that runs the explainer on changed images.
func (s Sample) explanations(ctx context.Context, explainer explain.Explainer, total int) *batch.Batcher[explain.Grid] {
	return newBatcher(ctx, s, total, func(images explain.Images, targets []int) ([]explain.Grid, error) {
		attributions, err := explainer.Explain(ctx, images, targets)
		if err != nil {
			return nil, err
		}
		if len(attributions) != images.N {
			return nil, fmt.Errorf("the explainer gave %d maps for %d images", len(attributions), images.N)
		}
		maps := make([]explain.Grid, images.N)
		for i, a := range attributions {
			if maps[i] = a.Map; !a.Map.Filled() {
				return nil, fmt.Errorf("the explainer gave a map of %d values for %dx%d", len(a.Map.Values), a.Map.Height, a.Map.Width)
			}
		}
		return maps, nil
	})
}

func newBatcher[T any](ctx context.Context, s Sample, total int, run func(explain.Images, []int) ([]T, error)) *batch.Batcher[T] {
	progress := &batch.Progress{Total: total, Report: s.Progress}
	return batch.New(s.Images.Size(), cmp.Or(max(s.Batch, 0), DefaultBatch), progress, func(pixels []float32, targets []int) ([]T, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		images := s.Images
		images.N, images.Pixels = len(targets), pixels
		return run(images, targets)
	})
}
