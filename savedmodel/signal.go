package savedmodel

import (
	"context"

	"oscar/explain"
	"oscar/internal/graph"
)

// A Signal replaces the gradient between a class score and a layer, as in layer-wise relevance
// propagation and guided backpropagation. The caller adds the operations, because it knows the
// model's layers.
type Signal struct {
	// Key identifies the signal. Its operations are added once for each layer and score.
	Key string
	// Add returns a tensor with the shape of the layer's features. target is the class of each image,
	// int64 [N]. Calls are not concurrent. Add should check its arguments first: after a failed
	// operation nothing more can be added to a graph.
	Add func(g *graph.Graph, target graph.Tensor, layer string, score explain.Score) (graph.Tensor, error)
}

type addSignal = func(g *graph.Graph, target graph.Tensor, layer string, score explain.Score) (graph.Tensor, error)

// With returns the model with a signal in place of the gradient. Differential.Gradients is then the
// signal at the layer.
func (b *Bundle) With(s Signal) explain.Differentiator { return signaled{b, s} }

type signaled struct {
	*Bundle
	signal Signal
}

// Differentiate implements [explain.Differentiator].
func (s signaled) Differentiate(ctx context.Context, images explain.Images, targets []int, layer string, score explain.Score) (explain.Differential, error) {
	return s.differentiate(ctx, images, targets, tapKey{layer, score, s.signal.Key}, s.signal.Add)
}

// Tensor returns a tensor of the model's graph by name, such as
// "conv1/kernel/Read/ReadVariableOp:0".
func (b *Bundle) Tensor(name string) (graph.Tensor, error) { return b.graph.Tensor(name) }
