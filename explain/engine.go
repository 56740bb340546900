package explain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"oscar/internal/batch"
	"oscar/internal/numeric"
)

// DefaultBatch is the number of images per run of the model.
const DefaultBatch = 32

// engine is the common loop of this package's explainers. It runs the model on the images, calls the
// method for each image's map, and runs the model on the variants of the image that the method
// requests, at most batch at a time.
type engine struct {
	method   string
	layer    string
	query    query
	batch    int                   // 0 is DefaultBatch
	progress func(done, total int) // may be nil
}

// A query runs the model on images, each with the class to score.
type query func(ctx context.Context, images Images, targets []int) ([]output, error)

// output is what the model returns for one image.
type output struct {
	target        int
	score         float32
	probabilities []float32
	gradient      Volume // d score / d layer; empty if the model only predicts
}

// subject is the image to explain.
type subject struct {
	image  Images // one
	output        // for the image itself
	// vary runs the model on variants of the image, in batches. paint writes a variant into pixels,
	// which hold an earlier one; it is called concurrently. take receives the model's outputs for a
	// batch of samples, which starts at sample first.
	vary func(paint func(sample int, pixels []float32), take func(first int, outputs []output)) error
}

// explain returns one attribution per image. The method may run the model on samples
// variants of each.
func (e engine) explain(ctx context.Context, images Images, targets []int, samples int, method func(subject) (Grid, map[string]float64, error)) ([]Attribution, error) {
	if err := e.check(images, targets, samples); err != nil {
		return nil, fmt.Errorf("%s: %w", e.method, err)
	}
	e.batch = cmp.Or(e.batch, DefaultBatch)
	progress := &batch.Progress{Total: images.N * (1 + samples), Report: e.progress}
	variants := images
	variants.Pixels = make([]float32, min(e.batch, samples)*images.Size())
	attributions := make([]Attribution, 0, images.N)
	for first := 0; first < images.N; first += e.batch {
		end := min(first+e.batch, images.N)
		outputs, err := e.run(ctx, images.Slice(first, end), targets[first:end])
		if err != nil {
			return nil, err
		}
		progress.Add(end - first)
		for i, o := range outputs {
			s := subject{image: images.Slice(first+i, first+i+1), output: o}
			s.vary = func(paint func(int, []float32), take func(int, []output)) error {
				for first := 0; first < samples; first += e.batch {
					variants.N = min(e.batch, samples-first)
					some := variants.Slice(0, variants.N)
					spread(some.N, func(k int) { paint(first+k, some.Slice(k, k+1).Pixels) })
					outputs, err := e.run(ctx, some, slices.Repeat([]int{o.target}, some.N))
					if err != nil {
						return err
					}
					take(first, outputs)
					progress.Add(some.N)
				}
				return nil
			}
			grid, facts, err := method(s)
			if err != nil {
				return nil, err
			}
			maps.DeleteFunc(facts, func(_ string, fact float64) bool { return !numeric.Finite(fact) })
			status := StatusOf(grid)
			if !numeric.Finite(o.score) {
				status = NonFinite // for any map
			}
			attributions = append(attributions, Attribution{
				Method: e.method, Layer: e.layer, Target: o.target, Score: o.score,
				Status: status, Map: grid, Probabilities: o.probabilities, Facts: facts,
			})
		}
	}
	return attributions, nil
}

// run runs the model on one batch.
func (e engine) run(ctx context.Context, images Images, targets []int) ([]output, error) {
	err := ctx.Err()
	if err == nil {
		var outputs []output
		if outputs, err = e.query(ctx, images, targets); err == nil {
			return outputs, nil
		}
	}
	return nil, fmt.Errorf("%s: %w", e.method, err)
}

// check returns an error for an invalid explainer or invalid images.
func (e engine) check(images Images, targets []int, samples int) error {
	switch {
	case e.query == nil:
		return errors.New("the explainer has no model")
	case e.batch < 0:
		return fmt.Errorf("batch is %d, want at least 1, or 0 for %d", e.batch, DefaultBatch)
	case samples < 0:
		return fmt.Errorf("%d samples, want at least 1, or 0 for the default", samples)
	case len(targets) != images.N:
		return fmt.Errorf("%d targets for %d images; want one per image", len(targets), images.N)
	case images.N > 0 && (images.Height < 1 || images.Width < 1 || images.Channels < 1),
		images.N*images.Size() != len(images.Pixels):
		return fmt.Errorf("%d pixel values for images of shape [%d,%d,%d,%d]",
			len(images.Pixels), images.N, images.Height, images.Width, images.Channels)
	}
	return nil
}

// predicting returns a query for scores, or nil if there is no model.
func predicting(model Predictor, score Score) query {
	if model == nil {
		return nil
	}
	return func(ctx context.Context, images Images, targets []int) ([]output, error) {
		if _, err := ParseScore(string(score)); err != nil {
			return nil, err
		}
		p, err := model.Predict(ctx, images)
		if err != nil {
			return nil, err
		}
		scores := p.Logits
		if score == Probability {
			scores = p.Probabilities
		}
		if len(p.Logits) != images.N || len(scores) != images.N {
			return nil, fmt.Errorf("the model gave %d logits and %d probabilities for %d images", len(p.Logits), len(p.Probabilities), images.N)
		}
		outputs := make([]output, images.N)
		for i := range outputs {
			target := targets[i]
			if target == Predicted {
				target = numeric.ArgMax(p.Logits[i])
			}
			if target < 0 || target >= len(scores[i]) {
				return nil, fmt.Errorf("target class %d; want 0 to %d, or %d for the predicted one", target, len(scores[i])-1, Predicted)
			}
			outputs[i] = output{target: target, score: scores[i][target]}
			if len(p.Probabilities) == images.N {
				outputs[i].probabilities = p.Probabilities[i]
			}
		}
		return outputs, nil
	}
}

// differentiating returns a query for scores and their gradients at a layer, or nil if there is no
// model.
func differentiating(model Differentiator, layer string, score Score) query {
	if model == nil {
		return nil
	}
	return func(ctx context.Context, images Images, targets []int) ([]output, error) {
		if _, err := ParseScore(string(score)); err != nil {
			return nil, err
		}
		d, err := model.Differentiate(ctx, images, targets, layer, score)
		if err != nil {
			return nil, err
		}
		if len(d.Targets) != images.N || len(d.Scores) != images.N || len(d.Gradients) != images.N {
			return nil, fmt.Errorf("the model gave %d targets, %d scores and %d gradients for %d images",
				len(d.Targets), len(d.Scores), len(d.Gradients), images.N)
		}
		outputs := make([]output, images.N)
		for i, g := range d.Gradients {
			if len(g.Values) != g.Height*g.Width*g.Channels {
				return nil, fmt.Errorf("image %d: the gradient is [%d,%d,%d], but has %d values", i, g.Height, g.Width, g.Channels, len(g.Values))
			}
			if layer == Image && (g.Height != images.Height || g.Width != images.Width || g.Channels != images.Channels) {
				return nil, fmt.Errorf("image %d: the gradient is [%d,%d,%d], the image [%d,%d,%d]",
					i, g.Height, g.Width, g.Channels, images.Height, images.Width, images.Channels)
			}
			outputs[i] = output{target: d.Targets[i], score: d.Scores[i], gradient: g}
			if len(d.Probabilities) == images.N {
				outputs[i].probabilities = d.Probabilities[i]
			}
		}
		return outputs, nil
	}
}
