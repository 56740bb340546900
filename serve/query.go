package serve

import (
	"context"
	"fmt"

	"oscar/explain"
	"oscar/gradcam"
	"oscar/methods"
	"oscar/tfmodel"
)

// query is a request about an image. Images with equal queries share a run of the
// model.
type query struct {
	version   *version
	at        methods.At // the explanation; zero: predictions only
	options   settings
	signature string // a signature of the model that explains, in place of a method; "": none
	// features requests predictions, features and the share of Grad-CAM's heat at the border.
	features bool
}

// settings are the options of explainers that a request may set.
type settings struct {
	Score   explain.Score
	Samples int
	Seed    uint64
	Rules   string
}

// defaultSettings returns the defaults of the command line.
func defaultSettings() settings { return settings{Seed: 1, Rules: tfmodel.DefaultLRP} }

// answer is a version's result for an image.
type answer struct {
	Logits        []float32
	Probabilities []float32
	explain.Attribution
	heatmap  explain.Grid // of a signature that explains
	features []float32    // of the explained layer, if requested
	border   float64      // share of the heat at the border
}

// quickPasses is the maximum number of model passes per image for a query in the quick queue, whose
// batches can mix requests.
const quickPasses = 4

// explainer returns the explainer of a query that has a method.
func (q query) explainer() (explain.Explainer, error) {
	o := methods.Options{
		Options: explain.Options{Score: q.options.Score, Samples: q.options.Samples, Seed: q.options.Seed, Batch: 64},
		Rules:   q.options.Rules,
	}
	return methods.NewExplainer(methods.Model{Bundle: q.version.Bundle}, []methods.At{q.at}, o)
}

// passes returns the number of model runs per image.
func (q query) passes() (int, error) {
	if q.signature != "" {
		return signaturePasses(q.signature), nil
	}
	if q.at.Method == "" {
		return 1, nil
	}
	e, err := q.explainer()
	if err != nil {
		return 0, err
	}
	if counter, ok := e.(explain.PassCounter); ok {
		in := q.version.Metadata.Image
		return counter.Passes(explain.Images{N: 1, Height: in.Height, Width: in.Width, Channels: 3}), nil
	}
	return 1, nil
}

// run answers a query for a batch. targets has the class of each image.
func (q query) run(ctx context.Context, images explain.Images, targets []int) (out []answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal error: %v", p)
		}
	}()
	if q.signature != "" {
		return q.call(ctx, images, targets)
	}
	out = make([]answer, images.N)
	if q.features {
		d, err := q.version.Differentiate(ctx, images, targets, q.version.Metadata.Explain, explain.Logit)
		if err != nil {
			return nil, err
		}
		for i := range out {
			out[i].Logits, out[i].Probabilities = d.Logits[i], d.Probabilities[i]
			out[i].features = explain.Features(d.Activations[i])
			out[i].border = explain.BorderShare(gradcam.GradCAM(d.Activations[i], d.Gradients[i]))
		}
		return out, nil
	}
	if q.at.Method == "" {
		p, err := q.version.Predict(ctx, images)
		if err != nil {
			return nil, err
		}
		for i := range out {
			out[i].Logits, out[i].Probabilities = p.Logits[i], p.Probabilities[i]
		}
		return out, nil
	}
	e, err := q.explainer()
	if err != nil {
		return nil, err
	}
	attributions, err := e.Explain(ctx, images, targets)
	if err != nil {
		return nil, err
	}
	if len(attributions) != images.N {
		return nil, fmt.Errorf("%s gave %d maps for %d images", q.at, len(attributions), images.N)
	}
	for i, a := range attributions {
		out[i].Attribution, out[i].Probabilities = a, a.Probabilities
	}
	return out, nil
}
