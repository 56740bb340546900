package savedmodel

import (
	"context"

	"oscar/explain"
	"oscar/internal/graph"
)

// A Signal replaces the gradient between a class's score and a layer. Layer-wise
// relevance propagation and guided backpropagation are signals. A caller who knows
// the model's layers adds the operations.
type Signal struct {
	// Key identifies the signal. Its operations are added once for each layer and score.
	Key string
	// Add returns a tensor of the shape of the layer's features. target is the class of each
	// image, int64 [N]. Calls are not concurrent. Add should check its arguments, since no
	// operation can be added to a graph after one has failed.
	Add func(g *graph.Graph, target graph.Tensor, layer string, score explain.Score) (graph.Tensor, error)
}

type addSignal = func(g *graph.Graph, target graph.Tensor, layer string, score explain.Score) (graph.Tensor, error)

// With returns the model with a signal instead of the gradient. Its Differential.Gradients
// are the signal at the layer.
func (b *Bundle) With(s Signal) explain.Differentiator { return signalled{b, s} }

type signalled struct {
	*Bundle
	signal Signal
}

// Differentiate implements [explain.Differentiator].
func (s signalled) Differentiate(ctx context.Context, images explain.Images, targets []int, layer string, score explain.Score) (explain.Differential, error) {
	return s.differentiate(ctx, images, targets, tapKey{layer, score, s.signal.Key}, s.signal.Add)
}

// Tensor returns a tensor of the model's graph, "conv1/kernel/Read/ReadVariableOp:0".
func (b *Bundle) Tensor(name string) (graph.Tensor, error) { return b.graph.Tensor(name) }
