package savedmodel

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"oscar/explain"
	"oscar/internal/graph"
	"oscar/internal/named"
)

// Explained is the result of a signature that explains, for one image.
type Explained struct {
	Heatmap       explain.Grid // 0 to 1, with the size of the model's input
	Raw           explain.Grid // signed and unscaled
	Probabilities []float32
	Class         int // the explained class
}

// explainingSignature has the tensors of a signature that explains.
type explainingSignature struct{ class, heatmap, raw, probabilities, explained graph.Tensor }

// ExplainingSignatures lists the signatures that explain: those with the inputs image and class and
// the outputs heatmap, raw, probabilities and class.
func (b *Bundle) ExplainingSignatures() []string { return slices.Sorted(maps.Keys(b.explaining)) }

// findExplaining finds the signatures that explain.
func (b *Bundle) findExplaining() {
	b.explaining = map[string]explainingSignature{}
	for name, s := range b.session.Signatures() {
		var e explainingSignature
		found := len(s.Inputs) == 2 && s.Inputs["image"] == b.image.Name()
		for _, t := range []struct {
			name string
			kind graph.DType
			to   *graph.Tensor
		}{
			{s.Inputs["class"], graph.Int64, &e.class}, {s.Outputs["heatmap"], graph.Float, &e.heatmap}, {s.Outputs["raw"], graph.Float, &e.raw},
			{s.Outputs["probabilities"], graph.Float, &e.probabilities}, {s.Outputs["class"], graph.Int64, &e.explained},
		} {
			var err error
			*t.to, err = b.graph.Tensor(t.name)
			found = found && err == nil && t.to.DType() == t.kind
		}
		if found {
			b.explaining[name] = e
		}
	}
}

// CallSignature runs a signature of [Bundle.ExplainingSignatures]. targets has the class of each
// image, or explain.Predicted.
func (b *Bundle) CallSignature(ctx context.Context, signature string, images explain.Images, targets []int) ([]Explained, error) {
	e, ok := b.explaining[signature]
	if !ok {
		return nil, named.Unknown("signature", signature, b.ExplainingSignatures())
	}
	feed, err := b.feed(images)
	if err != nil {
		return nil, err
	}
	classes, err := Targets(targets, images.N, len(b.Metadata.Classes))
	if err != nil {
		return nil, err
	}
	out, err := b.session.Run(ctx, []graph.Feed{feed, {To: e.class, Value: classes}}, []graph.Tensor{e.heatmap, e.raw, e.probabilities, e.explained})
	if err != nil {
		return nil, err
	}
	answers := make([]Explained, images.N)
	for k, to := range []func(*Explained) *explain.Grid{
		func(a *Explained) *explain.Grid { return &a.Heatmap }, func(a *Explained) *explain.Grid { return &a.Raw },
	} {
		shape, values := out[k].Shape(), out[k].Float32s()
		if len(shape) != 3 || shape[0] != images.N {
			return nil, fmt.Errorf("signature %s gives a map of shape %v for %d images", signature, shape, images.N)
		}
		size := shape[1] * shape[2]
		for i := range answers {
			*to(&answers[i]) = explain.Grid{Height: shape[1], Width: shape[2], Values: values[i*size : (i+1)*size]}
		}
	}
	probabilities, explained := out[2].Rows(), out[3].Int64s()
	if len(probabilities) != images.N || len(explained) != images.N {
		return nil, fmt.Errorf("signature %s answers %d of %d images", signature, len(probabilities), images.N)
	}
	for i := range answers {
		answers[i].Probabilities, answers[i].Class = probabilities[i], int(explained[i])
	}
	return answers, nil
}
