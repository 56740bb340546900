package tfmodel

import (
	"fmt"
	"slices"

	"oscar/explain"
	"oscar/internal/graph"
	"oscar/savedmodel"
)

// NetworkOf returns an opened SavedModel as a network, to which signatures can be added. g is the
// model's graph, see [savedmodel.Extend]. An adopted model has no architecture, so its gradients are
// TensorFlow's own operations. For it [Network.LRP], which needs a rule for each layer, returns an
// error. [Network.GuidedBackprop] works if its activations are ReLUs.
func NetworkOf(b *savedmodel.Bundle, g *Graph) (*Network, error) {
	if b.Metadata.Origin == nil {
		m, err := Attach(b)
		if err != nil {
			return nil, err
		}
		n := *m.network
		n.Graph = g
		return &n, nil
	}
	n := &Network{Graph: g, adopted: b}
	for name, t := range map[string]*Tensor{"image": &n.Image, "logits": &n.Logits, "probabilities": &n.Probabilities, "class": &n.Class} {
		var err error
		if *t, err = b.Tensor(name); err != nil {
			return nil, err
		}
	}
	for _, l := range b.Metadata.Layers {
		t, err := b.Tensor(l.Feature)
		if err != nil {
			return nil, fmt.Errorf("layer %s: %w", l.Name, err)
		}
		n.outputs = append(n.outputs, t)
	}
	return n, nil
}

// adoptedIndex is [Network.index] for an adopted model.
func (n *Network) adoptedIndex(layer string) (int, error) {
	if err := n.adopted.CheckLayer(layer); err != nil {
		return 0, err
	}
	return slices.IndexFunc(n.adopted.Metadata.Layers, func(l savedmodel.Layer) bool { return l.Name == layer }), nil
}

// adoptedGradient is [Network.propagate] for an adopted model. It returns the gradient of the
// logits, weighted by r, with respect to layer to's map; -1 is the image.
//
// The composite is the gradient, or guided backpropagation if the model's activations are ReLUs.
func (n *Network) adoptedGradient(g *Graph, c Composite, r Tensor, to int) (Tensor, error) {
	backward := func(y, x Tensor) Tensor { return g.Grad(y, x)[0] }
	switch c.Name {
	case plainGradient().Name:
	case GuidedBackprop().Name:
		if err := graph.CheckGuided(n.Logits, n.output(to)); err != nil {
			return Tensor{}, err
		}
		backward = g.GuidedGrad
	default:
		return Tensor{}, fmt.Errorf("it needs rules for the layers of oscar's own networks; an adopted model has only gradients")
	}
	layer := "image"
	if to >= 0 {
		layer = n.adopted.Metadata.Layers[to].Name
	}
	if err := n.adopted.CheckGradient(layer); err != nil {
		return Tensor{}, err
	}
	dx := backward(g.Sum(g.Mul(n.Logits, r), false, 0, 1), n.output(to))
	return dx, g.Err()
}

// WithGuidedGradients returns the model with guided gradients: [Attached.With] and the composite
// [GuidedBackprop]. For an adopted model these are the guided gradients of its graph, which exist if
// its activations are ReLUs. The error names the operations without a rule.
func WithGuidedGradients(b *savedmodel.Bundle) (explain.Differentiator, error) {
	if b.Metadata.Origin == nil {
		m, err := Attach(b)
		if err != nil {
			return nil, err
		}
		return m.With(GuidedBackprop())
	}
	if err := b.CheckGuided(); err != nil {
		return nil, err
	}
	return b.With(savedmodel.Signal{Key: "guided", Add: func(g *Graph, target Tensor, layer string, score explain.Score) (Tensor, error) {
		n, err := NetworkOf(b, g)
		if err != nil {
			return Tensor{}, err
		}
		to, scores := n.Image, n.Logits
		if layer != explain.Image {
			i, err := n.index(layer)
			if err != nil {
				return Tensor{}, err
			}
			to = n.output(i)
		}
		if score == explain.Probability {
			scores = n.Probabilities
		}
		g = g.In("guided")
		y := g.Sum(g.Mul(scores, g.OneHot(target, scores.Shape()[1])), false, 0, 1)
		return g.Identity("signal", g.GuidedGrad(y, to)), nil
	}}), nil
}

// again applies the network to another image, in the scope of g.
func (n *Network) again(g *Graph, image Tensor) *Network {
	other := *n
	other.Image = image
	if n.adopted != nil {
		other.Logits = g.Again(n.Image, image, n.Logits)[0]
		other.outputs = nil // the copy's layers are not needed
		return &other
	}
	other.outputs = n.steps.apply(&Builder{Graph: g, vars: n.vars}, image)
	return &other
}
