package score

import (
	"context"
	"fmt"

	"oscar/explain"
)

// trials fills batches with changed images, whichever image and step they are
// of, and hands each its result. It holds one batch.
type trials[T any] struct {
	run      func(images explain.Images, targets []int) ([]T, error)
	images   explain.Images // N is how many wait; Pixels has room for a whole batch
	targets  []int
	uses     []func(T)
	size     int // values an image
	done     int
	total    int
	progress func(done, total int)
}

// answer is what a model says of one image.
type answer struct {
	Logit, Probability float64 // of the target
	Best               int     // the class predicted
}

// predictions tries images on the model; total is how many are to come.
func (s Sample) predictions(ctx context.Context, total int) *trials[answer] {
	return newTrials(s, total, func(images explain.Images, targets []int) ([]answer, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p, err := s.Model.Predict(ctx, images)
		if err != nil {
			return nil, err
		}
		if len(p.Logits) != images.N || len(p.Probabilities) != images.N {
			return nil, fmt.Errorf("the model gave %d logits and %d probabilities for %d images", len(p.Logits), len(p.Probabilities), images.N)
		}
		answers := make([]answer, images.N)
		for i, target := range targets {
			logits, probabilities := p.Logits[i], p.Probabilities[i]
			if target >= len(logits) || target >= len(probabilities) {
				return nil, fmt.Errorf("no class %d; the model has %d", target, len(probabilities))
			}
			answers[i] = answer{float64(logits[target]), float64(probabilities[target]), largest(probabilities)}
		}
		return answers, nil
	})
}

// explanations asks an explainer for maps of changed images.
func (s Sample) explanations(ctx context.Context, explainer explain.Explainer, total int) *trials[explain.Grid] {
	return newTrials(s, total, func(images explain.Images, targets []int) ([]explain.Grid, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		attributions, err := explainer.Explain(ctx, images, targets)
		if err != nil {
			return nil, err
		}
		if len(attributions) != images.N {
			return nil, fmt.Errorf("the explainer gave %d maps for %d images", len(attributions), images.N)
		}
		maps := make([]explain.Grid, images.N)
		for i, a := range attributions {
			maps[i] = a.Map
			if a.Map.Height < 1 || a.Map.Width < 1 || len(a.Map.Values) != a.Map.Height*a.Map.Width {
				return nil, fmt.Errorf("the explainer gave a map of %d values for %dx%d", len(a.Map.Values), a.Map.Height, a.Map.Width)
			}
		}
		return maps, nil
	})
}

func newTrials[T any](s Sample, total int, run func(explain.Images, []int) ([]T, error)) *trials[T] {
	batch := s.Batch
	if batch < 1 {
		batch = DefaultBatch
	}
	t := &trials[T]{run: run, images: s.Images, total: total, progress: s.Progress}
	t.size = s.Images.Height * s.Images.Width * s.Images.Channels
	t.images.N = 0
	t.images.Pixels = make([]float32, batch*t.size)
	return t
}

// next is the room for the next image. It is to be filled, then submitted.
func (t *trials[T]) next() []float32 {
	return t.images.Pixels[t.images.N*t.size : (t.images.N+1)*t.size]
}

// submit runs the batch if that filled it.
func (t *trials[T]) submit(target int, use func(T)) error {
	t.images.N++
	t.targets = append(t.targets, target)
	t.uses = append(t.uses, use)
	if (t.images.N+1)*t.size <= len(t.images.Pixels) {
		return nil
	}
	return t.flush()
}

// flush runs what waits.
func (t *trials[T]) flush() error {
	if t.images.N == 0 {
		return nil
	}
	batch := t.images
	batch.Pixels = batch.Pixels[:batch.N*t.size]
	results, err := t.run(batch, t.targets)
	if err != nil {
		return err
	}
	for i, use := range t.uses {
		use(results[i])
	}
	t.done += batch.N
	if t.progress != nil {
		t.progress(t.done, max(t.done, t.total))
	}
	t.images.N, t.targets, t.uses = 0, t.targets[:0], t.uses[:0]
	return nil
}

// largest is the index of the largest value, the first of equals.
func largest(values []float32) int {
	best := 0
	for i, v := range values {
		if v > values[best] {
			best = i
		}
	}
	return best
}
