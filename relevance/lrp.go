package relevance

import (
	"cmp"
	"context"
	"math"

	"oscar/explain"
)

// LRP is layer-wise relevance propagation (Bach et al. 2015,
// doi:10.1371/journal.pone.0130140): the class's logit, shared out among the
// pixels,
//
//	M(y,x) = sum over channels of R(y,x,channel)
//
// or among the positions of a layer. Which rules share it out is the model's
// matter. It has one score, explain.Logit.
//
// Its facts: "relevance", the map's sum; "conserved", that sum over the logit
// (unless that is zero): 1 where nothing is kept back by biases. It may be
// below 0, or far above 1, where relevance of both signs cancels.
//
// Where less than a hundredth of the logit arrives, of both signs together, the
// map's status is explain.Faint: biases have kept the rest. A black image is so.
type LRP struct {
	Model    explain.Differentiator // whose Gradients are relevance
	Layer    string                 // "" is the image
	Batch    int                    // 0 is explain.DefaultBatch
	Progress func(done, total int)  // images shown to the model
}

// Explain implements [explain.Explainer].
func (l LRP) Explain(ctx context.Context, images explain.Images, targets []int) ([]explain.Attribution, error) {
	e := explainer{"lrp", cmp.Or(l.Layer, explain.Image), l.Batch, l.Progress}
	at := look{l.Model, e.layer, explain.Logit}
	attributions, err := e.explain(ctx, images, targets, []look{at}, func(d []explain.Differential, i int) (explain.Grid, map[string]float64, error) {
		grid, total := overChannels(d[0].Gradients[i])
		facts := map[string]float64{"relevance": total}
		if score := float64(d[0].Scores[i]); score != 0 {
			facts["conserved"] = total / score
		}
		return grid, facts, nil
	})
	for i, a := range attributions {
		if m := mass(a.Map); a.Status == explain.OK && m < faint*math.Abs(float64(a.Score)) {
			attributions[i].Status = explain.Faint
		}
	}
	return attributions, err
}

// faint is the share of the logit below which a map is next to nothing.
const faint = 0.01

// mass is how much relevance a map holds, of both signs.
func mass(g explain.Grid) (sum float64) {
	for _, v := range g.Values {
		sum += math.Abs(float64(v))
	}
	return sum
}
