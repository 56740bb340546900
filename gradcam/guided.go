package gradcam

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"oscar/explain"
	"oscar/internal/batch"
)

// GuidedGradCAM is guided backpropagation times Grad-CAM (Selvaraju et al.
// 2017, arXiv:1610.02391, section 3.2):
//
//	M(y,x) = ReLU(L)(y,x) * sum over channels of g(y,x,channel)
//
// L is Grad-CAM's map of a layer, resized to the image ([explain.Grid.Resize]).
// g are the guided gradients at the image ([explain.GuidedBackprop]).
type GuidedGradCAM struct {
	Model    explain.Differentiator // its Gradients are gradients
	Guided   explain.Differentiator // its Gradients are guided
	Layer    string                 // of Grad-CAM: "conv5"
	Score    explain.Score          // "" is explain.Logit
	Batch    int                    // 0 is explain.DefaultBatch
	Progress func(done, total int)  // images shown to the model
}

// Guided has the facts about [GuidedGradCAM]. It has no line in [Methods], because its maps have the
// image's resolution and it needs two models.
var Guided = explain.Method{
	Name: "guidedgradcam", Paper: "Selvaraju et al. 2017, arXiv:1610.02391, section 3.2",
	At: explain.ThroughLayer, Score: explain.Logit, Needs: explain.Differentiates | explain.Guides, Signed: true, Exact: true,
}

// Explain implements [explain.Explainer].
func (g GuidedGradCAM) Explain(ctx context.Context, images explain.Images, targets []int) ([]explain.Attribution, error) {
	out, err := g.explain(ctx, images, targets)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", Guided.Name, err)
	}
	return out, nil
}

func (g GuidedGradCAM) explain(ctx context.Context, images explain.Images, targets []int) ([]explain.Attribution, error) {
	switch {
	case g.Model == nil || g.Guided == nil:
		return nil, errors.New("the explainer has no model")
	case g.Batch < 0:
		return nil, fmt.Errorf("batch is %d, want at least 1, or 0 for %d", g.Batch, explain.DefaultBatch)
	case len(targets) != images.N:
		return nil, fmt.Errorf("%d targets for %d images; want one per image", len(targets), images.N)
	case len(images.Pixels) != images.N*images.Size():
		return nil, fmt.Errorf("%d pixel values for %d images of %d", len(images.Pixels), images.N, images.Size())
	}
	size := cmp.Or(g.Batch, explain.DefaultBatch)
	progress := batch.Progress{Total: images.N, Report: g.Progress}
	var out []explain.Attribution
	for first := 0; first < images.N; first += size {
		end := min(first+size, images.N)
		some, classes := images.Slice(first, end), targets[first:end]
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		coarse, err := Explainer{Model: g.Model, Layer: g.Layer, Score: g.Score}.Explain(ctx, some, classes)
		if err != nil {
			return nil, err
		}
		fine, err := explain.GuidedBackprop{Model: g.Guided, Score: g.Score, Batch: size}.Explain(ctx, some, classes)
		if err != nil {
			return nil, err
		}
		for i, a := range coarse {
			for k, v := range a.Map.Values {
				if v < 0 { // NaN is kept
					a.Map.Values[k] = 0
				}
			}
			grid := fine[i].Map
			for k, v := range a.Map.Resize(grid.Height, grid.Width).Values {
				grid.Values[k] *= v
			}
			a.Method, a.Map, a.Status = Guided.Name, grid, explain.StatusOf(grid)
			out = append(out, a)
		}
		progress.Add(end - first)
	}
	return out, nil
}
