package tfmodel

import (
	"context"
	"fmt"

	"oscar/internal/graph"
	"oscar/savedmodel"
)

// Network is an architecture compiled for inference.
type Network struct {
	Architecture  Architecture
	Graph         *Graph
	Image         Tensor // float [N,H,W,3], 0..255
	Logits        Tensor // float [N,classes]
	Probabilities Tensor // float [N,classes]
	Class         Tensor // int64 [N], the predicted class

	vars    *variables
	steps   steps
	outputs []Tensor // of each step
	saver   savedmodel.Saver
	adopted *savedmodel.Bundle // see [NetworkOf]; if not nil, there are no steps
}

// Compile builds the inference graph with resource variables, which are not initialized.
func Compile(a Architecture) (*Network, error) {
	steps, err := a.steps()
	if err != nil {
		return nil, err
	}
	g := graph.New()
	vars, err := steps.declare(g, 0)
	if err != nil {
		return nil, err
	}
	return compile(a, steps, g, vars)
}

// CompileFrozen builds the inference graph with constants in place of variables. values has the
// values of each variable by name, row-major.
func CompileFrozen(a Architecture, values map[string][]float32) (*Network, error) {
	steps, err := a.steps()
	if err != nil {
		return nil, err
	}
	g := graph.New()
	vars := &variables{byName: map[string]*graph.Variable{}}
	steps.forEachParam(func(name string, p Param) {
		v := values[name]
		if want := p.Shape; len(v) == want.Elements() {
			vars.byName[name] = &graph.Variable{Name: name, Value: g.In(name).Const(graph.FromFloat32s(p.Shape, v))}
		} else if err == nil {
			err = fmt.Errorf("%s has %d values, want %v", name, len(v), want)
		}
	})
	if err != nil {
		return nil, err
	}
	return compile(a, steps, g, vars)
}

func compile(a Architecture, s steps, g *Graph, vars *variables) (*Network, error) {
	if _, err := a.Classes(); err != nil {
		return nil, err
	}
	n := &Network{Architecture: a, Graph: g, vars: vars, steps: s}
	n.Image = g.Placeholder("image", graph.Float, append(Shape{-1}, a.Input...))
	n.outputs = s.apply(&Builder{Graph: g.In("infer"), vars: vars}, n.Image)
	n.Logits = g.Identity("logits", n.output(len(s)-1))
	n.Probabilities = g.Identity("probabilities", a.probabilities(g, n.Logits))
	n.Class = g.Identity("class", g.ArgMax(n.Logits, 1))
	if len(vars.all) > 0 {
		n.saver = savedmodel.AddSaver(g, "save", vars.all)
	}
	return n, g.Err()
}

// builder returns a builder for the layer of step i, in a scope below g.
func (n *Network) builder(g *Graph, i int) *Builder {
	name := n.steps[i].name
	return &Builder{Graph: g.In(name), layer: name, vars: n.vars}
}

// output returns the output of step i; -1 is the image.
func (n *Network) output(i int) Tensor {
	if i < 0 {
		return n.Image
	}
	return n.outputs[i]
}

// index returns the step of that name. The error lists the layers.
func (n *Network) index(layer string) (int, error) {
	if n.adopted != nil {
		return n.adoptedIndex(layer)
	}
	if i := n.steps.index(layer); i >= 0 {
		return i, nil
	}
	return 0, n.Architecture.unknown(n.Architecture.Layers, layer)
}

// SavedModel returns the model for [savedmodel.Write]. The session has the variables' values; a
// frozen network needs no session.
func (n *Network) SavedModel(session *Session, signatures map[string]savedmodel.Signature, meta savedmodel.Metadata) savedmodel.Model {
	return savedmodel.Model{
		Graph: n.Graph, Session: session, Variables: n.vars.all, Saver: n.saver,
		Signatures: signatures, Metadata: meta,
	}
}

// Restore opens a session with the variables of a checkpoint.
func (n *Network) Restore(ctx context.Context, prefix string, config Config) (*Session, error) {
	s, err := n.Graph.NewSession(config)
	if err != nil {
		return nil, err
	}
	if err := n.saver.Restore(ctx, s, prefix); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Values returns the values of all variables by name, row-major.
func (n *Network) Values(ctx context.Context, s *Session) (map[string][]float32, error) {
	fetch := make([]Tensor, len(n.vars.all))
	for i, v := range n.vars.all {
		fetch[i] = v.Value
	}
	out, err := s.Run(ctx, nil, fetch)
	if err != nil {
		return nil, err
	}
	values := map[string][]float32{}
	for i, v := range n.vars.all {
		values[v.Name] = out[i].Float32s()
	}
	return values, nil
}

// Layers returns the table of layers for a SavedModel's metadata.
func (n *Network) Layers() ([]savedmodel.Layer, error) {
	rows, err := n.Architecture.Summary()
	if err != nil {
		return nil, err
	}
	out := make([]savedmodel.Layer, len(rows))
	for i, r := range rows {
		out[i] = savedmodel.Layer{
			Name: r.Name, Kind: r.Kind, Output: r.Output, Explainable: len(r.Output) == 3,
			Parameters: r.Parameters, Frozen: r.Frozen,
			Tensor: n.outputs[i].Name(), Feature: n.outputs[n.steps.feature(i)].Name(),
		}
	}
	return out, nil
}

// Serving returns the signature serving_default: image -> logits, probabilities, class.
func (n *Network) Serving() savedmodel.Signature {
	return savedmodel.Signature{
		Inputs: map[string]Tensor{"image": n.Image},
		Outputs: map[string]Tensor{
			"logits": n.Logits, "probabilities": n.Probabilities, "class": n.Class,
		},
	}
}
