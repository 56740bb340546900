package tfmodel

import (
	"cmp"
	"fmt"
	"slices"

	"oscar/internal/named"
)

// Loss is the function that training minimizes.
type Loss struct {
	// Kind is one of [Losses]; "": SoftmaxCrossEntropy.
	Kind string `json:"kind,omitempty"`
	// LabelSmoothing is the share of a label that is spread over all classes, 0 to below 1 (Szegedy et
	// al. 2016, section 7). With several labels per image it is spread over yes and no of each label.
	// It needs a cross-entropy, and applies only in training.
	LabelSmoothing float64 `json:"label_smoothing,omitempty"`
	// Gamma is the exponent of [FocalCrossEntropy], above 0 to 10; 0: defaultGamma.
	Gamma float64 `json:"gamma,omitempty"`
}

// defaultGamma is the exponent of Lin et al. 2017.
const defaultGamma = 2

// The losses, by Keras's names.
const (
	// SoftmaxCrossEntropy is -log softmax(scores)[label].
	SoftmaxCrossEntropy = "softmax_cross_entropy"
	// FocalCrossEntropy is -(1 - p)^gamma log p of the label's probability p (Lin et al.
	// 2017, equation 4), summed over all classes if labels are smoothed. It is Keras's
	// CategoricalFocalCrossentropy with alpha 1.
	FocalCrossEntropy = "categorical_focal_crossentropy"
	// CategoricalHinge is max(0, 1 + the highest score of another class - the label's score). As in
	// Keras, another class's score counts as at least 0: if all are lower, the loss is max(0, 1 - the
	// label's score). With an L2 penalty on the last kernel, the last layer is a support vector machine
	// (Tang 2013, arXiv:1306.0239).
	CategoricalHinge = "categorical_hinge"
	// BinaryCrossEntropy is the mean over all labels: -log sigmoid(score) for labels that the image
	// has, and -log(1 - sigmoid(score)) for the others. It is Keras's BinaryCrossentropy with
	// from_logits; with [Batch].Positive it is TensorFlow's weighted_cross_entropy_with_logits.
	BinaryCrossEntropy = "binary_crossentropy"
)

// losses is the table of losses. add returns the loss of each example, [N], for scores [N,C] and
// one-hot labels [N,C].
var losses = []namedLoss{
	{SoftmaxCrossEntropy, func(_ Loss, g *Graph, scores, labels Tensor) Tensor { return g.CrossEntropy(scores, labels) }},
	{FocalCrossEntropy, func(l Loss, g *Graph, scores, labels Tensor) Tensor {
		// p = 1 has no derivative for gamma below 1.
		p := g.Minimum(g.Softmax(scores), g.Scalar(1-1e-7))
		factor := g.Pow(g.Sub(g.Scalar(1), p), g.Scalar(float32(l.gamma())))
		return g.Neg(g.Sum(g.Mul(g.Mul(labels, factor), g.LogSoftmax(scores)), false, 1))
	}},
	{CategoricalHinge, func(_ Loss, g *Graph, scores, labels Tensor) Tensor {
		one := g.Scalar(1)
		right := g.Sum(g.Mul(labels, scores), false, 1)
		wrong := g.Max(g.Mul(g.Sub(one, labels), scores), false, 1)
		return g.Relu(g.Add(g.Sub(wrong, right), one))
	}},
	{BinaryCrossEntropy, func(_ Loss, g *Graph, scores, labels Tensor) Tensor {
		return binaryCrossEntropy(g, scores, labels, g.Scalar(1))
	}},
}

// binaryCrossEntropy multiplies the loss of labels that an image has by positive, [classes] or one
// number.
func binaryCrossEntropy(g *Graph, scores, labels, positive Tensor) Tensor {
	present := g.Mul(g.Mul(labels, positive), g.Softplus(g.Neg(scores)))
	absent := g.Mul(g.Sub(g.Scalar(1), labels), g.Softplus(scores))
	return g.Mean(g.Add(present, absent), false, 1)
}

type namedLoss struct {
	name string
	add  func(l Loss, g *Graph, scores, labels Tensor) Tensor
}

// Losses returns the names of all losses.
func Losses() []string {
	return named.Names(losses, func(l namedLoss) string { return l.name })
}

func (l Loss) index() int {
	if l.Kind == "" {
		return 0
	}
	return slices.Index(Losses(), l.Kind)
}

// Check returns an error for settings out of range.
func (l Loss) Check() error {
	switch {
	case l.index() < 0:
		return named.Unknown("loss", l.Kind, Losses())
	case !(l.LabelSmoothing >= 0 && l.LabelSmoothing < 1): // also refuses NaN
		return fmt.Errorf("label smoothing is %g, want 0 to below 1", l.LabelSmoothing)
	case !(l.Gamma >= 0 && l.Gamma <= 10):
		return fmt.Errorf("gamma is %g, want above 0 to 10", l.Gamma)
	case l.Gamma > 0 && l.Kind != FocalCrossEntropy:
		return fmt.Errorf("gamma is %g, which only the loss %s has", l.Gamma, FocalCrossEntropy)
	case l.LabelSmoothing > 0 && l.Kind == CategoricalHinge:
		return fmt.Errorf("label smoothing is %g, but %s does not support it; remove it, or use the loss %s", l.LabelSmoothing, l.Kind, SoftmaxCrossEntropy)
	}
	return nil
}

func (l Loss) gamma() float64 { return cmp.Or(l.Gamma, defaultGamma) }

// Resolved returns the loss with defaults filled in.
func (l Loss) Resolved() Loss {
	if l.Kind == FocalCrossEntropy {
		l.Gamma = l.gamma()
	}
	return l
}

// fits returns an error if the loss does not suit the architecture's output.
func (l Loss) fits(a Architecture) error {
	if binary := l.Kind == BinaryCrossEntropy; binary != a.MultiLabel() {
		return fmt.Errorf("loss %s and output %s do not go together: several labels an image have the loss %s and the output %s",
			cmp.Or(l.Kind, SoftmaxCrossEntropy), cmp.Or(a.Output, "softmax"), BinaryCrossEntropy, Sigmoid)
	}
	return nil
}

// each returns the loss of each example, [N], without label smoothing.
func (l Loss) each(g *Graph, scores, labels Tensor) Tensor {
	return losses[l.index()].add(l, g, scores, labels)
}

// smooth returns the smoothed labels.
func (l Loss) smooth(g *Graph, labels Tensor) Tensor {
	if l.LabelSmoothing == 0 {
		return labels
	}
	classes := labels.Shape()[1]
	if l.Kind == BinaryCrossEntropy { // two classes per label: with it, and without
		classes = 2
	}
	kept, spread := 1-l.LabelSmoothing, l.LabelSmoothing/float64(classes)
	return g.Add(g.Mul(labels, g.Scalar(float32(kept))), g.Scalar(float32(spread)))
}
