package gradcam

import (
	"context"
	"errors"
	"fmt"

	"oscar/explain"
)

// Explainer applies a method to one layer of a model. It implements
// [explain.Explainer], and is safe for concurrent use if its model is.
type Explainer struct {
	Model  explain.Differentiator
	Layer  string        // the layer looked at, by its name in the model: "conv5"
	Score  explain.Score // what is differentiated; "" is explain.Logit
	Name   string        // what its attributions say made them; "" is "gradcam"
	Method Method        // nil is GradCAM
}

var _ explain.Explainer = Explainer{}

// Explain returns one attribution an image, its map at the layer's resolution.
// targets has one class an image, [explain.Predicted] for the predicted one;
// the attribution holds the class that was scored. The model runs once for the
// whole batch.
func (e Explainer) Explain(ctx context.Context, images explain.Images, targets []int) ([]explain.Attribution, error) {
	if e.Model == nil {
		return nil, errors.New("gradcam: the explainer has no model")
	}
	if len(targets) != images.N {
		return nil, fmt.Errorf("gradcam: %d targets for %d images; want one an image", len(targets), images.N)
	}
	if e.Method == nil {
		e.Method = GradCAM
	}
	if e.Name == "" {
		e.Name = "gradcam"
	}
	if e.Score == "" {
		e.Score = explain.Logit
	}

	d, err := e.Model.Differentiate(ctx, images, targets, e.Layer, e.Score)
	if err != nil {
		return nil, fmt.Errorf("%s of layer %q: %w", e.Name, e.Layer, err)
	}
	if err := checkCounts(d, images.N); err != nil {
		return nil, fmt.Errorf("%s of layer %q: %w", e.Name, e.Layer, err)
	}
	attributions := make([]explain.Attribution, images.N)
	for i := range attributions {
		if err := checkPair(d.Activations[i], d.Gradients[i]); err != nil {
			return nil, fmt.Errorf("%s of layer %q, image %d: %w", e.Name, e.Layer, i, err)
		}
		grid := e.Method(d.Activations[i], d.Gradients[i])
		attributions[i] = explain.Attribution{
			Method: e.Name,
			Layer:  e.Layer,
			Target: d.Targets[i],
			Score:  d.Scores[i],
			Status: explain.StatusOf(grid),
			Map:    grid,
		}
		if len(d.Probabilities) == images.N {
			attributions[i].Probabilities = d.Probabilities[i]
		}
	}
	return attributions, nil
}
