package gradcam

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"oscar/explain"
)

// Explainer applies one or several methods to one layer of a model. It
// implements [explain.Explainer], and is safe for concurrent use if its model is.
type Explainer struct {
	Model   explain.Differentiator
	Layer   string        // the layer looked at, by its name in the model: "conv5"
	Score   explain.Score // what is explained; "" is explain.Logit
	Methods []Entry       // none is Grad-CAM alone
	// Progress hears how many images, or masked images, the model was shown.
	Progress func(done, total int)
}

var _ explain.Explainer = Explainer{}

// Explain returns an attribution for each image and method, its map at the
// layer's resolution: the first image's, in the order of the methods, then the
// second's. With one method that is one an image.
//
// targets has one class an image, [explain.Predicted] for the predicted one;
// the attribution holds the class that was scored. Activations and gradients
// come from one run for the whole batch, however many the methods; a method
// with a Mask or a Head then runs the model again for each image. A model that
// cannot do so is refused before anything is run.
func (e Explainer) Explain(ctx context.Context, images explain.Images, targets []int) ([]explain.Attribution, error) {
	if e.Model == nil {
		return nil, errors.New("gradcam: the explainer has no model")
	}
	if len(targets) != images.N {
		return nil, fmt.Errorf("gradcam: %d targets for %d images; want one an image", len(targets), images.N)
	}
	if len(e.Methods) == 0 {
		e.Methods = Methods[:1]
	}
	if e.Score == "" {
		e.Score = explain.Logit
	}
	apply := make([]bound, len(e.Methods))
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
	work := work{total: images.N, report: e.Progress}
	for _, entry := range e.Methods {
		for _, a := range d.Activations {
			work.total += entry.runs(a)
		}
	}
	work.add(images.N)
	attributions := make([]explain.Attribution, images.N*len(e.Methods))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(e.abreast())
	for i := range images.N {
		group.Go(func() error {
			if err := ctx.Err(); err != nil { // another image's error, or the caller's wish
				return err
			}
			view := View{
				Image:       picture(images, i),
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
				attributions[i*len(e.Methods)+m] = attribution(entry, view, grid, d, i)
				work.add(entry.runs(view.Activations))
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return attributions, nil
}

// abreast is how many images may be worked on at a time: as many as there are
// processors, or one after the other if a method asks the model, which has
// threads of its own.
func (e Explainer) abreast() int {
	for _, entry := range e.Methods {
		if entry.Method == nil {
			return 1
		}
	}
	return runtime.GOMAXPROCS(0)
}

// runs is how many masked images the method shows the model, about.
func (e Entry) runs(activations explain.Volume) int {
	if e.Method != nil {
		return 0
	}
	return activations.Channels
}

// work counts the images shown to the model.
type work struct {
	done, total int
	report      func(done, total int)
}

func (w *work) add(n int) {
	if n == 0 {
		return
	}
	w.done += n
	if w.report != nil {
		w.report(w.done, w.total)
	}
}

func attribution(entry Entry, view View, grid explain.Grid, d explain.Differential, i int) explain.Attribution {
	a := explain.Attribution{
		Method: entry.Name,
		Layer:  view.Layer,
		Target: view.Target,
		Score:  view.Value,
		Status: explain.StatusOf(grid),
		Map:    grid,
	}
	if len(d.Probabilities) == len(d.Scores) {
		a.Probabilities = d.Probabilities[i]
	}
	return a
}

// picture is image i of a batch; without pixels if the batch has too few.
func picture(images explain.Images, i int) explain.Images {
	size := images.Height * images.Width * images.Channels
	one := explain.Images{N: 1, Height: images.Height, Width: images.Width, Channels: images.Channels}
	if size > 0 && len(images.Pixels) >= (i+1)*size {
		one.Pixels = images.Pixels[i*size : (i+1)*size : (i+1)*size]
	}
	return one
}
