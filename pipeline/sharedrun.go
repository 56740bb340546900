package pipeline

import (
	"context"

	"oscar/explain"
	"oscar/savedmodel"
)

// sharedRun is a model that runs the whole batch for a query about one of its images. So the result
// does not depend on which images are still unexplained, and an interrupted job ends with the same
// bits. Other queries go to the model unchanged.
type sharedRun struct {
	*savedmodel.Bundle
	images        explain.Images
	targets       []int
	batch         int // images in a session run
	predictions   *explain.Prediction
	differentials map[differentialKey]explain.Differential
}

type differentialKey struct {
	layer string
	score explain.Score
}

// Predict implements [explain.Predictor].
func (r *sharedRun) Predict(ctx context.Context, images explain.Images) (explain.Prediction, error) {
	i, ok := r.index(images)
	if !ok {
		return r.Bundle.Predict(ctx, images)
	}
	if r.predictions == nil {
		all := &explain.Prediction{}
		for first := 0; first < r.images.N; first += r.batch {
			p, err := r.Bundle.Predict(ctx, imagesFrom(r.images, first, min(first+r.batch, r.images.N)))
			if err != nil {
				return explain.Prediction{}, err
			}
			all.Logits = append(all.Logits, p.Logits...)
			all.Probabilities = append(all.Probabilities, p.Probabilities...)
		}
		r.predictions = all
	}
	return explain.Prediction{Logits: r.predictions.Logits[i : i+1], Probabilities: r.predictions.Probabilities[i : i+1]}, nil
}

// Differentiate implements [explain.Differentiator].
func (r *sharedRun) Differentiate(ctx context.Context, images explain.Images, targets []int, layer string, score explain.Score) (explain.Differential, error) {
	i, ok := r.index(images)
	if !ok {
		return r.Bundle.Differentiate(ctx, images, targets, layer, score)
	}
	key := differentialKey{layer, score}
	all, ok := r.differentials[key]
	if !ok {
		for first := 0; first < r.images.N; first += r.batch {
			end := min(first+r.batch, r.images.N)
			d, err := r.Bundle.Differentiate(ctx, imagesFrom(r.images, first, end), r.targets[first:end], layer, score)
			if err != nil {
				return explain.Differential{}, err
			}
			all.Logits = append(all.Logits, d.Logits...)
			all.Probabilities = append(all.Probabilities, d.Probabilities...)
			all.Targets = append(all.Targets, d.Targets...)
			all.Scores = append(all.Scores, d.Scores...)
			all.Activations = append(all.Activations, d.Activations...)
			all.Gradients = append(all.Gradients, d.Gradients...)
		}
		if r.differentials == nil {
			r.differentials = map[differentialKey]explain.Differential{}
		}
		r.differentials[key] = all
	}
	return explain.Differential{
		Prediction: explain.Prediction{Logits: all.Logits[i : i+1], Probabilities: all.Probabilities[i : i+1]},
		Targets:    all.Targets[i : i+1], Scores: all.Scores[i : i+1],
		Activations: all.Activations[i : i+1], Gradients: all.Gradients[i : i+1],
	}, nil
}

// index returns the index of the image in the batch. It compares memory addresses.
func (r *sharedRun) index(images explain.Images) (int, bool) {
	size := len(r.images.Pixels) / max(r.images.N, 1)
	if images.N != 1 || len(images.Pixels) != size || size == 0 {
		return 0, false
	}
	for i := range r.images.N {
		if &r.images.Pixels[i*size] == &images.Pixels[0] {
			return i, true
		}
	}
	return 0, false
}

// imagesFrom returns images first to end-1 without copying.
func imagesFrom(images explain.Images, first, end int) explain.Images {
	size := len(images.Pixels) / max(images.N, 1)
	images.N, images.Pixels = end-first, images.Pixels[first*size:end*size]
	return images
}
