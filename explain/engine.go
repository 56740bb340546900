package explain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
)

// engine is what the explainers of this package have in common. It asks the
// model of each image, lets the method make its map, and shows the model, for
// the method, variants of the image: never more than batch images at a time.
type engine struct {
	method   string
	ask      ask
	batch    int                   // 0 is DefaultBatch
	progress func(done, total int) // may be nil
}

// DefaultBatch is how many images a model is shown at a time.
const DefaultBatch = 32

// An ask shows the model images, each with the target to score.
type ask func(ctx context.Context, images Images, targets []int) ([]answer, error)

// answer is what the model said of one image.
type answer struct {
	target        int
	score         float32
	probabilities []float32
	gradient      []float32 // d score / d image; nil of a black box
}

// subject is one image under explanation.
type subject struct {
	image  Images // one
	answer        // of the image itself
	// vary shows the model variants of the image. paint draws a sample into
	// pixels, which hold what an earlier one left; take has the answer.
	vary func(paint func(sample int, pixels []float32), take func(sample int, a answer)) error
}

// explain makes one attribution an image; samples is how many variants the
// method needs of each.
func (e engine) explain(ctx context.Context, images Images, targets []int, samples int, method func(subject) (Grid, map[string]float64, error)) ([]Attribution, error) {
	if err := e.check(images, targets, samples); err != nil {
		return nil, fmt.Errorf("%s: %w", e.method, err)
	}
	e.batch = cmp.Or(e.batch, DefaultBatch)
	var (
		attributions = make([]Attribution, 0, images.N)
		work         = progress{total: images.N * (1 + samples), report: e.progress}
		space        = make([]float32, min(e.batch, samples)*images.size())
	)
	for first := 0; first < images.N; first += e.batch {
		end := min(first+e.batch, images.N)
		answers, err := e.run(ctx, images.slice(first, end), targets[first:end])
		if err != nil {
			return nil, err
		}
		work.add(end - first)
		for i, a := range answers {
			s := subject{image: images.slice(first+i, first+i+1), answer: a}
			s.vary = func(paint func(int, []float32), take func(int, answer)) error {
				return e.vary(ctx, s, samples, space, &work, paint, take)
			}
			grid, facts, err := method(s)
			if err != nil {
				return nil, err
			}
			maps.DeleteFunc(facts, func(_ string, fact float64) bool { return !finite(fact) })
			status := StatusOf(grid)
			if !finite(float64(a.score)) {
				status = NonFinite // the map may look well, but is of nothing
			}
			attributions = append(attributions, Attribution{
				Method: e.method, Layer: Image, Target: a.target, Score: a.score,
				Status: status, Map: grid, Probabilities: a.probabilities, Facts: facts,
			})
		}
	}
	return attributions, nil
}

// vary shows the model samples variants of the subject, drawn into space.
func (e engine) vary(ctx context.Context, s subject, samples int, space []float32, work *progress, paint func(int, []float32), take func(int, answer)) error {
	size := s.image.size()
	for first := 0; first < samples; first += e.batch {
		variants := s.image
		variants.N = min(e.batch, samples-first)
		variants.Pixels = space[:variants.N*size]
		targets := make([]int, variants.N)
		for i := range targets {
			targets[i] = s.target
			paint(first+i, variants.Pixels[i*size:(i+1)*size])
		}
		answers, err := e.run(ctx, variants, targets)
		if err != nil {
			return err
		}
		for i, a := range answers {
			take(first+i, a)
		}
		work.add(variants.N)
	}
	return nil
}

// run shows the model one batch.
func (e engine) run(ctx context.Context, images Images, targets []int) ([]answer, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", e.method, err)
	}
	answers, err := e.ask(ctx, images, targets)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.method, err)
	}
	return answers, nil
}

// check reports a call that makes no sense.
func (e engine) check(images Images, targets []int, samples int) error {
	switch {
	case e.ask == nil:
		return errors.New("the explainer has no model")
	case e.batch < 0:
		return fmt.Errorf("batch is %d, want at least 1, or 0 for %d", e.batch, DefaultBatch)
	case samples < 0:
		return fmt.Errorf("%d samples, want at least 1, or 0 for the default", samples)
	case len(targets) != images.N:
		return fmt.Errorf("%d targets for %d images; want one an image", len(targets), images.N)
	case images.N > 0 && (images.Height < 1 || images.Width < 1 || images.Channels < 1),
		images.N*images.size() != len(images.Pixels):
		return fmt.Errorf("%d pixel values for images of shape [%d,%d,%d,%d]",
			len(images.Pixels), images.N, images.Height, images.Width, images.Channels)
	}
	return nil
}

// progress counts the images shown to the model.
type progress struct {
	done, total int
	report      func(done, total int)
}

func (p *progress) add(n int) {
	p.done += n
	if p.report != nil {
		p.report(p.done, p.total)
	}
}

// size is how many values one image has.
func (m Images) size() int { return m.Height * m.Width * m.Channels }

// slice is images first to end-1, in the same memory.
func (m Images) slice(first, end int) Images {
	m.Pixels = m.Pixels[first*m.size() : end*m.size()]
	m.N = end - first
	return m
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
