package tfmodel

import (
	"fmt"
	"slices"

	"oscar/savedmodel"
)

// NetworkOf returns an opened SavedModel as a network, to which signatures can be added. g
// is the model's graph, see [savedmodel.Extend]. An adopted model has no architecture: its
// gradients are TensorFlow's own operations, and signatures that need a rule for each layer
// ([Network.LRP], [Network.GuidedBackprop]) return an error.
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

// adoptedIndex is [Network.index] of an adopted model.
func (n *Network) adoptedIndex(layer string) (int, error) {
	if err := n.adopted.CheckLayer(layer); err != nil {
		return 0, err
	}
	return slices.IndexFunc(n.adopted.Metadata.Layers, func(l savedmodel.Layer) bool { return l.Name == layer }), nil
}

// adoptedGradient is [Network.propagate] of an adopted model: the gradient of the logits,
// weighted by r, with respect to layer to's map, -1 for the image.
func (n *Network) adoptedGradient(g *Graph, c Composite, r Tensor, to int) (Tensor, error) {
	if gradient := plainGradient(); c.Name != gradient.Name || c.Relevance {
		return Tensor{}, fmt.Errorf("it needs rules for the layers of oscar's own networks; an adopted model has only gradients")
	}
	layer := "image"
	if to >= 0 {
		layer = n.adopted.Metadata.Layers[to].Name
	}
	if err := n.adopted.CheckGradient(layer); err != nil {
		return Tensor{}, err
	}
	dx := g.Grad(g.Sum(g.Mul(n.Logits, r), false, 0, 1), n.output(to))[0]
	return dx, g.Err()
}

// again applies the network to another image, in the scope of g.
func (n *Network) again(g *Graph, image Tensor) *Network {
	other := *n
	other.Image = image
	if n.adopted != nil {
		other.Logits = g.Again(n.Image, image, n.Logits)[0]
		other.outputs = nil // a copy of the layers is not needed
		return &other
	}
	other.outputs = n.steps.apply(&Builder{Graph: g, vars: n.vars}, image)
	return &other
}
