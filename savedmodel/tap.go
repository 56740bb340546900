package savedmodel

import (
	"context"
	"fmt"

	"oscar/explain"
	"oscar/internal/graph"
)

// Tap has the tensors of an explanation: the explained class of each image and its score, the
// activations of a layer, and the gradients of the score with respect to these.
type Tap struct{ target, score, activations, gradients graph.Tensor }

// NewTap adds the tensors to a graph. class [N] has the classes to explain, see [Target]. scores
// [N,C] are the logits or the probabilities.
func NewTap(g *graph.Graph, features, class, logits, scores graph.Tensor) Tap {
	t := scoreTap(g, features, class, logits, scores)
	t.gradients = g.Grad(t.score, features)[0]
	return t
}

// scoreTap is NewTap without the gradients.
func scoreTap(g *graph.Graph, features, class, logits, scores graph.Tensor) Tap {
	t := Tap{activations: g.Identity("activations", features)} // a tensor that is fed, such as the image, cannot be fetched
	t.target = Target(g, class, logits)
	t.score = classScore(g, scores, t.target)
	return t
}

// Target returns the class to explain: the given one, or the predicted one if that is negative.
func Target(g *graph.Graph, class, logits graph.Tensor) graph.Tensor {
	return g.Select(g.Less(class, g.Int64(0)), g.ArgMax(logits, 1), class)
}

// classScore returns the target's entry in each row of scores [N,C].
func classScore(g *graph.Graph, scores, target graph.Tensor) graph.Tensor {
	return g.Sum(g.Mul(scores, g.OneHot(target, scores.Shape()[1])), false, 1)
}

// Targets returns the class of each image as a tensor [N]. A class must be one of the model's or
// [explain.Predicted].
func Targets(targets []int, images, classes int) (graph.Value, error) {
	if len(targets) != images {
		return graph.Value{}, fmt.Errorf("%d targets for %d images; want one per image", len(targets), images)
	}
	values := make([]int64, len(targets))
	for i, c := range targets {
		if c < explain.Predicted || c >= classes {
			return graph.Value{}, fmt.Errorf("target class %d; want 0 to %d, or %d for the predicted one", c, classes-1, explain.Predicted)
		}
		values[i] = int64(c)
	}
	return graph.FromInt64s(graph.Shape{len(values)}, values), nil
}

// Run computes the tensors and the predictions in one session run.
func (t Tap) Run(ctx context.Context, session *graph.Session, feeds []graph.Feed, logits, probs graph.Tensor) (explain.Differential, error) {
	out, err := session.Run(ctx, feeds, []graph.Tensor{logits, probs, t.target, t.score, t.activations, t.gradients})
	if err != nil {
		return explain.Differential{}, err
	}
	d := explain.Differential{
		Prediction:  explain.Prediction{Logits: out[0].Rows(), Probabilities: out[1].Rows()},
		Scores:      out[3].Float32s(),
		Activations: volumes(out[4]),
		Gradients:   volumes(out[5]),
	}
	for _, c := range out[2].Int64s() {
		d.Targets = append(d.Targets, int(c))
	}
	return d, nil
}

// volumes returns the images of a tensor [N,H,W,C].
func volumes(v graph.Value) []explain.Volume {
	s := v.Shape()
	out := make([]explain.Volume, s[0])
	for i, values := range v.Rows() {
		out[i] = explain.Volume{Height: s[1], Width: s[2], Channels: s[3], Values: values}
	}
	return out
}
