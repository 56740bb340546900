package relevance

import (
	"cmp"
	"context"
	"fmt"

	"oscar/explain"
	"oscar/gradcam"
	"oscar/heatmap"
)

// GuidedBackprop is guided backpropagation (Springenberg et al. 2014,
// arXiv:1412.6806): the gradient at the image, where every ReLU on the way back
// lets through only what is positive.
//
//	M(y,x) = sum over channels of g(y,x,channel)
//
// The paper shows g itself, as a picture in colours; the sum keeps the sign. It
// tells fine structure, not one class from another (Adebayo et al. 2018,
// arXiv:1810.03292).
type GuidedBackprop struct {
	Model    explain.Differentiator // whose Gradients are guided
	Score    explain.Score          // "" is explain.Logit
	Batch    int                    // 0 is explain.DefaultBatch
	Progress func(done, total int)  // images shown to the model
}

// Explain implements [explain.Explainer].
func (b GuidedBackprop) Explain(ctx context.Context, images explain.Images, targets []int) ([]explain.Attribution, error) {
	e := explainer{"guidedbackprop", explain.Image, b.Batch, b.Progress}
	at := look{b.Model, explain.Image, cmp.Or(b.Score, explain.Logit)}
	return e.explain(ctx, images, targets, []look{at}, func(d []explain.Differential, i int) (explain.Grid, map[string]float64, error) {
		grid, _ := overChannels(d[0].Gradients[i])
		return grid, nil, nil
	})
}

// GuidedGradCAM is guided backpropagation where Grad-CAM looks (Selvaraju et
// al. 2017, arXiv:1610.02391, section 3.2):
//
//	M(y,x) = ReLU(L)(y,x) * sum over channels of g(y,x,channel)
//
// with Grad-CAM's map L of a layer brought to the image's size, bilinear
// between pixel centres at half positions.
type GuidedGradCAM struct {
	Model    explain.Differentiator // whose Gradients are gradients
	Guided   explain.Differentiator // whose Gradients are guided
	Layer    string                 // of Grad-CAM: "conv5"
	Score    explain.Score          // "" is explain.Logit
	Batch    int                    // 0 is explain.DefaultBatch
	Progress func(done, total int)  // images shown to the model
}

// Explain implements [explain.Explainer].
func (g GuidedGradCAM) Explain(ctx context.Context, images explain.Images, targets []int) ([]explain.Attribution, error) {
	e := explainer{"guidedgradcam", g.Layer, g.Batch, g.Progress}
	score := cmp.Or(g.Score, explain.Logit)
	both := []look{{g.Model, g.Layer, score}, {g.Guided, explain.Image, score}}
	return e.explain(ctx, images, targets, both, func(d []explain.Differential, i int) (explain.Grid, map[string]float64, error) {
		coarse := gradcam.GradCAM(d[0].Activations[i], d[0].Gradients[i])
		if len(coarse.Values) == 0 {
			return coarse, nil, fmt.Errorf("layer %s has no activations and gradients that fit each other", g.Layer)
		}
		for k, v := range coarse.Values {
			if v < 0 { // a NaN stays one
				coarse.Values[k] = 0
			}
		}
		grid, _ := overChannels(d[1].Gradients[i])
		for k, v := range heatmap.Upsample(coarse, grid.Height, grid.Width).Values {
			grid.Values[k] *= v
		}
		return grid, nil, nil
	})
}
