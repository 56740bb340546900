package run

import (
	"slices"

	"oscar/experiment"
	"oscar/result"
)

// network returns a description of an experiment's network for readers without TensorFlow.
func network(e experiment.Experiment) (result.Network, error) {
	a := e.Architecture
	n := result.Network{Name: a.Name, Input: a.Input, Explain: e.Explain, Layers: []result.Layer{}}
	rows, err := a.Summary()
	if err != nil {
		return n, err
	}
	for _, r := range rows {
		n.Layers = append(n.Layers, result.Layer{Name: r.Name, Kind: r.Kind, Output: slices.Clone(r.Output), Parameters: r.Parameters, Frozen: r.Frozen})
		n.Parameters, n.Frozen = n.Parameters+r.Parameters, n.Frozen+r.Frozen
	}
	m, err := a.Memory(e.Training.Batch, e.Training.Learning())
	n.Memory = result.NetworkMemory{
		Memory: result.Memory{
			Weights: m.Weights, Gradients: m.Gradients, Optimizer: m.Optimizer,
			Activations: m.Activations, Overhead: m.Overhead, Training: m.Training,
		},
		Batch: m.Batch, Inference: m.Inference,
	}
	return n, err
}
