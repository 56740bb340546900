package gradcam

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"oscar/explain"
	"oscar/internal/batch"
)

// Explainer applies one or several methods to one layer of a model. It implements
// [explain.Explainer]. It may be used concurrently if its model may.
type Explainer struct {
	Model    explain.Differentiator
	Layer    string                // name in the model: "conv5"
	Score    explain.Score         // the explained score; "": explain.Logit
	Methods  []Entry               // none: only Grad-CAM
	Progress func(done, total int) // images, masked or not, that the model ran on
}

var _ explain.Explainer = Explainer{}

// Explain returns an attribution for each image and method, with its map at the
// layer's resolution: those of the first image in the order of the methods, then
// those of the second.
//
// targets has one class per image; [explain.Predicted] means the predicted one. An attribution has
// the scored class. All methods share one run of the whole batch for activations and gradients. A
// method with a Mask or a Head then runs the model again for each image. If the model cannot do
// that, Explain returns an error before any run.
func (e Explainer) Explain(ctx context.Context, images explain.Images, targets []int) ([]explain.Attribution, error) {
	if e.Model == nil {
		return nil, errors.New("gradcam: the explainer has no model")
	}
	if len(targets) != images.N {
		return nil, fmt.Errorf("gradcam: %d targets for %d images; want one per image", len(targets), images.N)
	}
	if len(e.Methods) == 0 {
		e.Methods = Methods[:1]
	}
	if e.Score == "" {
		e.Score = explain.Logit
	}
	apply := make([]func(context.Context, View) (explain.Grid, error), len(e.Methods))
	for m, entry := range e.Methods {
		var err error
		if apply[m], err = entry.bind(e.Model); err != nil {
			return nil, fmt.Errorf("gradcam: %w", err)
		}
	}

	d, err := e.Model.Differentiate(ctx, images, targets, e.Layer, e.Score)
	if err == nil {
		err = checkCounts(d, images.N)
	}
	if err != nil {
		return nil, fmt.Errorf("gradcam: layer %q: %w", e.Layer, err)
	}
	for i := range images.N {
		if err := checkPair(d.Activations[i], d.Gradients[i]); err != nil {
			return nil, fmt.Errorf("gradcam: layer %q, image %d: %w", e.Layer, i, err)
		}
	}
	progress := batch.Progress{Total: images.N, Report: e.Progress}
	for _, entry := range e.Methods {
		for _, a := range d.Activations {
			progress.Total += entry.channelRuns(a)
		}
	}
	progress.Add(images.N)
	attributions := make([]explain.Attribution, images.N*len(e.Methods))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(e.concurrency())
	for i := range images.N {
		group.Go(func() error {
			if err := ctx.Err(); err != nil { // canceled, or another image failed
				return err
			}
			view := View{
				Image:       image(images, i),
				Layer:       e.Layer,
				Activations: d.Activations[i],
				Gradients:   d.Gradients[i],
				Target:      d.Targets[i],
				Score:       e.Score,
				Value:       d.Scores[i],
			}
			for m, entry := range e.Methods {
				grid, err := apply[m](ctx, view)
				if err != nil {
					return fmt.Errorf("%s of layer %q, image %d: %w", entry.Name, e.Layer, i, err)
				}
				a := explain.Attribution{
					Method: entry.Name, Layer: e.Layer, Target: view.Target, Score: view.Value,
					Status: explain.StatusOf(grid), Map: grid,
				}
				if len(d.Probabilities) == len(d.Scores) {
					a.Probabilities = d.Probabilities[i]
				}
				attributions[i*len(e.Methods)+m] = a
				progress.Add(entry.channelRuns(view.Activations))
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return attributions, nil
}

// concurrency returns the number of images to process concurrently: one per processor, or 1 if a
// method runs the model, which has its own threads.
func (e Explainer) concurrency() int {
	if slices.ContainsFunc(e.Methods, func(entry Entry) bool { return entry.CAM == nil }) {
		return 1
	}
	return runtime.GOMAXPROCS(0)
}

// image returns image i of a batch. It has no pixels if the batch has too few.
func image(images explain.Images, i int) explain.Images {
	size := images.Size()
	one := explain.Images{N: 1, Height: images.Height, Width: images.Width, Channels: images.Channels}
	if size > 0 && len(images.Pixels) >= (i+1)*size {
		one.Pixels = images.Pixels[i*size : (i+1)*size : (i+1)*size]
	}
	return one
}
