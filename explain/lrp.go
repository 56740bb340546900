package explain

import (
	"cmp"
	"context"
	"math"
)

// LRP is layer-wise relevance propagation (Bach et al. 2015,
// doi:10.1371/journal.pone.0130140). It distributes the class's logit over the
// pixels, or over the positions of a layer:
//
//	M(y,x) = sum over channels of R(y,x,channel)
//
// The model has the rules for distributing it. The only score is Logit.
//
// Its facts: "relevance", the map's sum; "conserved", this sum divided by the logit, unless the
// logit is zero. "conserved" is 1 if biases absorb nothing. It can be below 0 or far above 1 if
// relevance of both signs cancels.
//
// The status is Faint if the map has less than a hundredth of the logit, both signs together,
// because biases have absorbed the rest. A black image is an example.
type LRP struct {
	Model    Differentiator        // its Gradients are relevance
	Layer    string                // "": the image
	Batch    int                   // 0 is DefaultBatch
	Progress func(done, total int) // images shown to the model
}

// faintShare is the share of the logit below which a map is Faint.
const faintShare = 0.01

// Explain implements [Explainer].
func (l LRP) Explain(ctx context.Context, images Images, targets []int) ([]Attribution, error) {
	layer := cmp.Or(l.Layer, Image)
	e := engine{"lrp", layer, differentiating(l.Model, layer, Logit), l.Batch, l.Progress}
	attributions, err := e.explain(ctx, images, targets, 0, func(s subject) (Grid, map[string]float64, error) {
		grid, total := overChannels(s.gradient, nil)
		facts := map[string]float64{"relevance": total}
		if score := float64(s.score); score != 0 {
			facts["conserved"] = total / score
		}
		return grid, facts, nil
	})
	for i, a := range attributions {
		if a.Status == OK && a.Map.Mass() < faintShare*math.Abs(float64(a.Score)) {
			attributions[i].Status = Faint
		}
	}
	return attributions, err
}

// GuidedBackprop is guided backpropagation (Springenberg et al. 2014,
// arXiv:1412.6806): the gradient at the image if every ReLU passes back only
// positive values.
//
//	M(y,x) = sum over channels of g(y,x,channel)
//
// The paper shows g itself as a color picture; the sum keeps the sign. It shows
// fine structure and hardly depends on the class (Adebayo et al. 2018,
// arXiv:1810.03292).
type GuidedBackprop struct {
	Model    Differentiator        // its Gradients are guided
	Score    Score                 // "" is Logit
	Batch    int                   // 0 is DefaultBatch
	Progress func(done, total int) // images shown to the model
}

// Explain implements [Explainer].
func (g GuidedBackprop) Explain(ctx context.Context, images Images, targets []int) ([]Attribution, error) {
	e := engine{"guidedbackprop", Image, differentiating(g.Model, Image, cmp.Or(g.Score, Logit)), g.Batch, g.Progress}
	return e.explain(ctx, images, targets, 0, func(s subject) (Grid, map[string]float64, error) {
		grid, _ := overChannels(s.gradient, nil)
		return grid, nil, nil
	})
}
