package tfmodel

import (
	"fmt"
	"slices"
	"strings"

	"oscar/internal/graph"
)

// Loss is what a network learns to make small.
type Loss struct {
	// Kind is one of [Losses]; "" is SoftmaxCrossEntropy.
	Kind string `json:"kind,omitempty"`
	// LabelSmoothing is the share of a label that is spread over all classes
	// (Szegedy et al. 2016, section 7), 0 to below 1: for cross-entropy, and in
	// training alone.
	LabelSmoothing float64 `json:"label_smoothing,omitempty"`
}

// The losses, by the names of Keras's.
const (
	// SoftmaxCrossEntropy is -log softmax(scores)[label].
	SoftmaxCrossEntropy = "softmax_cross_entropy"
	// CategoricalHinge is max(0, 1 + the highest score of another class - the
	// label's score). As in Keras, another class's score counts as at least 0:
	// where all of them are lower the loss is max(0, 1 - the label's score). With
	// an L2 penalty on the last kernel this is a support vector machine on what
	// the layers before it give (Tang 2013, arXiv:1306.0239).
	CategoricalHinge = "categorical_hinge"
)

// losses is the one table of losses: of scores [N,C] and labels as rows
// [N,C], each example's loss [N].
var losses = []struct {
	name string
	add  func(g *graph.Graph, scores, labels graph.Tensor) graph.Tensor
}{
	{SoftmaxCrossEntropy, (*graph.Graph).CrossEntropy},
	{CategoricalHinge, func(g *graph.Graph, scores, labels graph.Tensor) graph.Tensor {
		one := g.Scalar(1)
		right := g.Sum(g.Mul(labels, scores), false, 1)
		wrong := g.Max(g.Mul(g.Sub(one, labels), scores), false, 1)
		return g.Relu(g.Add(g.Sub(wrong, right), one))
	}},
}

// Losses returns the kinds of loss that there are.
func Losses() []string {
	names := make([]string, len(losses))
	for i, l := range losses {
		names[i] = l.name
	}
	return names
}

func (l Loss) index() int {
	if l.Kind == "" {
		return 0
	}
	return slices.Index(Losses(), l.Kind)
}

// Check reports a loss that cannot be.
func (l Loss) Check() error {
	switch {
	case l.index() < 0:
		return fmt.Errorf("no loss %q; have %s", l.Kind, strings.Join(Losses(), ", "))
	case !(l.LabelSmoothing >= 0 && l.LabelSmoothing < 1): // nor NaN
		return fmt.Errorf("label smoothing is %g, want 0 to below 1", l.LabelSmoothing)
	case l.LabelSmoothing > 0 && l.index() > 0:
		return fmt.Errorf("label smoothing is %g, but %s has no use for it; take it out, or the loss %s", l.LabelSmoothing, l.Kind, SoftmaxCrossEntropy)
	}
	return nil
}

// each is each example's loss, labels as they are.
func (l Loss) each(g *graph.Graph, scores, labels graph.Tensor) graph.Tensor {
	return losses[l.index()].add(g, scores, labels)
}

// smooth spreads a share of each label over all classes.
func (l Loss) smooth(g *graph.Graph, labels graph.Tensor) graph.Tensor {
	if l.LabelSmoothing == 0 {
		return labels
	}
	classes := labels.Shape()[1]
	kept, spread := 1-l.LabelSmoothing, l.LabelSmoothing/float64(classes)
	return g.Add(g.Mul(labels, g.Scalar(float32(kept))), g.Scalar(float32(spread)))
}
