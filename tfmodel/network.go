package tfmodel

import (
	"context"
	"fmt"

	"oscar/internal/graph"
	"oscar/savedmodel"
)

// Network is an architecture compiled for inference: image -> logits,
// probabilities, class.
type Network struct {
	Architecture  Architecture
	Graph         *graph.Graph
	Image         graph.Tensor // float [N,H,W,3], 0..255
	Logits        graph.Tensor // float [N,classes]
	Probabilities graph.Tensor // float [N,classes]
	Class         graph.Tensor // int64 [N]: the predicted one

	vars    *variables
	steps   steps
	outputs []graph.Tensor // of each step
	saver   savedmodel.Saver
}

// Compile builds the inference graph with resource variables, not yet set.
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

// CompileFrozen builds the inference graph with constants in place of
// variables. values has one row-major slice a variable, by name.
func CompileFrozen(a Architecture, values map[string][]float32) (*Network, error) {
	steps, err := a.steps()
	if err != nil {
		return nil, err
	}
	g := graph.New()
	vars := &variables{byName: map[string]*graph.Variable{}}
	steps.forEachParam(func(name string, p Param) {
		v := values[name]
		if want := Shape(p.Shape); len(v) == want.Elements() {
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

func compile(a Architecture, s steps, g *graph.Graph, vars *variables) (*Network, error) {
	if _, err := a.Classes(); err != nil {
		return nil, err
	}
	n := &Network{Architecture: a, Graph: g, vars: vars, steps: s}
	n.Image = g.Placeholder("image", graph.Float, append(graph.Shape{-1}, a.Input...))
	n.outputs = s.apply(&Builder{Graph: g.In("infer"), vars: vars}, n.Image)
	n.Logits = g.Identity("logits", n.output(len(s)-1))
	n.Probabilities = g.Identity("probabilities", g.Softmax(n.Logits))
	n.Class = g.Identity("class", g.ArgMax(n.Logits, 1))
	if len(vars.all) > 0 {
		n.saver = savedmodel.AddSaver(g, "save", vars.all)
	}
	return n, g.Err()
}

// index finds a layer; the error lists those that there are.
func (n *Network) index(layer string) (int, error) {
	if i := n.steps.index(layer); i >= 0 {
		return i, nil
	}
	return 0, n.Architecture.unknown(n.Architecture.Layers, layer)
}

// SavedModel returns what [savedmodel.Write] needs of the network: its graph,
// and its variables, whose values are session's. A frozen network needs no
// session.
func (n *Network) SavedModel(session *graph.Session, signatures map[string]savedmodel.Signature, meta savedmodel.Metadata) savedmodel.Model {
	return savedmodel.Model{
		Graph: n.Graph, Session: session, Variables: n.vars.all, Saver: n.saver,
		Signatures: signatures, Metadata: meta,
	}
}

// Restore opens a session with the variables from a checkpoint's bundle.
func (n *Network) Restore(ctx context.Context, prefix string, threads graph.Threads) (*graph.Session, error) {
	s, err := n.Graph.NewSession(threads)
	if err != nil {
		return nil, err
	}
	if err := n.saver.Restore(ctx, s, prefix); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Values reads all variables.
func (n *Network) Values(ctx context.Context, s *graph.Session) (map[string][]float32, error) {
	fetch := make([]graph.Tensor, len(n.vars.all))
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

// Layers returns the layer table that a SavedModel carries.
func (n *Network) Layers() ([]savedmodel.Layer, error) {
	rows, err := n.Architecture.Summary()
	if err != nil {
		return nil, err
	}
	out := make([]savedmodel.Layer, len(rows))
	for i, r := range rows {
		out[i] = savedmodel.Layer{
			Name: r.Name, Kind: r.Kind, Output: r.Output, Parameters: r.Parameters, Frozen: r.Frozen,
			Tensor:  n.outputs[i].Name(),
			Feature: n.outputs[n.steps.feature(i)].Name(),
		}
	}
	return out, nil
}

// Serving is the signature serving_default: image -> logits, probabilities,
// class.
func (n *Network) Serving() savedmodel.Signature {
	return savedmodel.Signature{
		Inputs: map[string]graph.Tensor{"image": n.Image},
		Outputs: map[string]graph.Tensor{
			"logits": n.Logits, "probabilities": n.Probabilities, "class": n.Class,
		},
	}
}
