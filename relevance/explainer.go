package relevance

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"oscar/explain"
)

// overChannels adds up the channels of each position, and all of them.
func overChannels(v explain.Volume) (grid explain.Grid, total float64) {
	grid = explain.NewGrid(v.Height, v.Width)
	for i := range grid.Values {
		sum := 0.0
		for _, x := range v.Values[i*v.Channels : (i+1)*v.Channels] {
			sum += float64(x)
		}
		grid.Values[i] = float32(sum)
		total += sum
	}
	return grid, total
}

// explainer is what the explainers have in common.
type explainer struct {
	method, layer string
	batch         int
	progress      func(done, total int)
}

// look is one question to a model.
type look struct {
	model explain.Differentiator
	layer string
	score explain.Score
}

// explain asks all looks of each batch, and the method for each image's map.
func (e explainer) explain(ctx context.Context, images explain.Images, targets []int, looks []look,
	method func([]explain.Differential, int) (explain.Grid, map[string]float64, error)) ([]explain.Attribution, error) {
	size := images.Height * images.Width * images.Channels
	switch {
	case e.batch < 0:
		return nil, fmt.Errorf("%s: batch is %d, want at least 1, or 0 for %d", e.method, e.batch, explain.DefaultBatch)
	case len(targets) != images.N:
		return nil, fmt.Errorf("%s: %d targets for %d images; want one an image", e.method, len(targets), images.N)
	case len(images.Pixels) != images.N*size:
		return nil, fmt.Errorf("%s: %d pixel values for %d images of %d", e.method, len(images.Pixels), images.N, size)
	}
	batch := cmp.Or(e.batch, explain.DefaultBatch)
	out := make([]explain.Attribution, 0, images.N)
	for first := 0; first < images.N; first += batch {
		some := images
		some.N = min(batch, images.N-first)
		some.Pixels = images.Pixels[first*size : (first+some.N)*size]
		answers := make([]explain.Differential, len(looks))
		for k, l := range looks {
			var err error
			if answers[k], err = l.ask(ctx, some, targets[first:first+some.N]); err != nil {
				return nil, fmt.Errorf("%s: %w", e.method, err)
			}
		}
		for i := range some.N {
			grid, facts, err := method(answers, i)
			if err != nil {
				return nil, fmt.Errorf("%s: image %d: %w", e.method, first+i, err)
			}
			d := answers[0]
			a := explain.Attribution{
				Method: e.method, Layer: e.layer, Target: d.Targets[i], Score: d.Scores[i],
				Status: explain.StatusOf(grid), Map: grid, Facts: facts,
			}
			if len(d.Probabilities) == some.N {
				a.Probabilities = d.Probabilities[i]
			}
			out = append(out, a)
		}
		if e.progress != nil {
			e.progress(first+some.N, images.N)
		}
	}
	return out, nil
}

func (l look) ask(ctx context.Context, images explain.Images, targets []int) (explain.Differential, error) {
	if l.model == nil {
		return explain.Differential{}, errors.New("the explainer lacks a model")
	}
	if err := ctx.Err(); err != nil {
		return explain.Differential{}, err
	}
	d, err := l.model.Differentiate(ctx, images, targets, l.layer, l.score)
	if err != nil {
		return d, err
	}
	if n := images.N; len(d.Targets) != n || len(d.Scores) != n || len(d.Activations) != n || len(d.Gradients) != n {
		return d, fmt.Errorf("the model gave %d targets, %d scores, %d activations and %d signals for %d images",
			len(d.Targets), len(d.Scores), len(d.Activations), len(d.Gradients), n)
	}
	for i, v := range d.Gradients {
		if len(v.Values) != v.Height*v.Width*v.Channels {
			return d, fmt.Errorf("image %d: the signal is [%d,%d,%d] but has %d values", i, v.Height, v.Width, v.Channels, len(v.Values))
		}
		if l.layer == explain.Image && (v.Height != images.Height || v.Width != images.Width) {
			return d, fmt.Errorf("image %d: the signal is %dx%d, the image %dx%d", i, v.Height, v.Width, images.Height, images.Width)
		}
	}
	return d, nil
}
