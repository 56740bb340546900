package tfmodel

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"oscar/explain"
	"oscar/internal/graph"
	"oscar/internal/jsonerror"
	"oscar/savedmodel"
)

// Attached is an opened SavedModel and its layers: their settings, and their weights in the graph.
// It may be used concurrently.
type Attached struct {
	Bundle  *savedmodel.Bundle
	network *Network // uses the bundle's graph; only the bundle adds operations
}

// Attach reads the architecture in the model's metadata and finds its layers and weights in the
// model's graph. Weights may be variables or constants. It adds nothing to the graph.
func Attach(b *savedmodel.Bundle) (*Attached, error) {
	var experiment struct {
		Architecture *Architecture `json:"architecture"`
	}
	if len(b.Metadata.Experiment) > 0 {
		if err := jsonerror.Plain(json.Unmarshal(b.Metadata.Experiment, &experiment)); err != nil {
			return nil, fmt.Errorf("the model's metadata: experiment: %w", err)
		}
	}
	if experiment.Architecture == nil && b.Metadata.Origin != nil {
		return nil, errors.New("lrp has no rules for the layers of an adopted model; it needs a network of oscar's own (oscar train --arch NAME, with --weights FILE if the weights are at hand)")
	}
	if experiment.Architecture == nil {
		return nil, errors.New("the model's metadata has no architecture, which rules for its layers need")
	}
	a := *experiment.Architecture
	steps, err := a.steps()
	if err != nil {
		return nil, fmt.Errorf("the model's metadata: %w", err)
	}
	if len(b.Metadata.Layers) != len(steps) {
		return nil, fmt.Errorf("the model's metadata lists %d layers, its architecture %d", len(b.Metadata.Layers), len(steps))
	}
	n := &Network{Architecture: a, vars: &variables{byName: map[string]*graph.Variable{}}, steps: steps}
	find := func(names ...string) (t Tensor) {
		var missing error
		for _, name := range names {
			if t, missing = b.Tensor(name); missing == nil {
				return t
			}
		}
		if err == nil {
			err = missing
		}
		return t
	}
	n.Image, n.Logits, n.Probabilities = find("image"), find("logits"), find("probabilities")
	for i, step := range steps {
		if name := b.Metadata.Layers[i].Name; name != step.name {
			return nil, fmt.Errorf("the model's metadata lists layer %s where its architecture has %s", name, step.name)
		}
		n.outputs = append(n.outputs, find(b.Metadata.Layers[i].Tensor))
	}
	steps.forEachParam(func(name string, p Param) {
		value := find(name+"/Read/ReadVariableOp", name+"/Const")
		if got := value.Shape(); err == nil && !slices.Equal(got, p.Shape) {
			err = fmt.Errorf("%s is %v, want %v", name, got, p.Shape)
		}
		n.vars.byName[name] = &graph.Variable{Name: name, Shape: p.Shape, Value: value}
	})
	if err != nil {
		return nil, fmt.Errorf("the model's graph is not what its metadata says: %w", err)
	}
	return &Attached{b, n}, nil
}

// Architecture returns the model's architecture.
func (m *Attached) Architecture() Architecture { return m.network.Architecture }

// With returns the model with a composite's signal in place of the gradient: the Gradients of a
// Differential are the relevance at the layer, or the guided gradient. Operations are added to the
// model's graph on first use, once for each composite, layer and score. LRP accepts only the score
// explain.Logit.
func (m *Attached) With(c Composite) (explain.Differentiator, error) {
	if _, err := c.rules(m.network.steps); err != nil {
		return nil, err
	}
	return m.Bundle.With(savedmodel.Signal{
		Key: fmt.Sprintf("%#v", c),
		Add: func(g *Graph, target Tensor, layer string, score explain.Score) (Tensor, error) {
			to := -1
			if layer != explain.Image {
				i, err := m.network.index(layer)
				if err != nil {
					return Tensor{}, err
				}
				to = m.network.steps.feature(i)
			}
			name := c.Name
			if name == "" {
				name = "composite"
			}
			g = g.In(name)
			r, err := c.start(g, m.network, target, score)
			if err == nil {
				r, err = m.network.propagate(g, c, r, to)
			}
			if err != nil {
				return r, err
			}
			return g.Identity("signal", r), nil // at the logits r would be the tensor of start
		},
	}), nil
}
