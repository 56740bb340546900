package tfmodel

import (
	"fmt"
	"slices"
)

// Memory is a forecast of a network's memory for a batch, in bytes. A program with
// TensorFlow takes a quarter of a gigabyte in addition.
type Memory struct {
	Batch       int   `json:"batch"`
	Weights     int64 `json:"weights"`
	Gradients   int64 `json:"gradients"`   // of the trained weights
	Optimizer   int64 `json:"optimizer"`   // kept for each of them: Adam's two moments, moving averages, sums of gradients
	Activations int64 `json:"activations"` // outputs that the backward pass needs, and its largest intermediate values
	// Overhead is a copy of the trained weights, since a step copies weights that are
	// still read when they are updated, and a quarter of everything, since TensorFlow's
	// allocator keeps pieces that fit no other tensor.
	Overhead  int64 `json:"overhead"`
	Training  int64 `json:"training"`  // the sum of all these
	Inference int64 `json:"inference"` // weights, and input and output of the largest layer
}

// Memory forecasts the memory of a training, for a batch of that many images. It does not
// look at the machine.
func (a Architecture) Memory(batch int, t Training) (Memory, error) {
	steps, err := a.steps()
	if err != nil {
		return Memory{}, err
	}
	m, largest := steps.memory(batch, t)
	m.Activations += floats(a.Input, batch) + floats(a.Input, batch)/4 // as floats and as bytes
	return m.total(largest), nil
}

// memory forecasts the weights, what training keeps for them, and the activations, for a
// batch. largest is the input and output of the largest layer.
func (s steps) memory(batch int, t Training) (m Memory, largest int64) {
	m.Batch = batch
	s.forEachParam(func(_ string, p Param) {
		n := floats(p.Shape, 1)
		m.Weights += n
		if p.Trainable {
			m.Gradients += n
			m.Optimizer += t.kept() * n
		}
	})
	for i, step := range s {
		if !s.overwritten(i) {
			m.Activations += floats(step.out, batch)
		}
		largest = max(largest, int64(len(step.from))*floats(step.in, batch)+floats(step.out, batch))
	}
	return m, largest
}

// floats is the size in bytes of a batch of float32 values of a shape.
func floats(s Shape, batch int) int64 { return int64(s.Elements()) * int64(batch) * 4 }

// total adds what depends on the sum of the others.
func (m Memory) total(largest int64) Memory {
	m.Activations += 2 * largest // gradients, and the layer's values in the memory layout of its kernel
	sum := m.Weights + m.Gradients + m.Optimizer + m.Activations + m.Gradients
	m.Overhead = m.Gradients + sum/4
	m.Training = sum + sum/4
	m.Inference = m.Weights + largest
	return m
}

// Part is a stack of a larger network, applied to N inputs a batch.
type Part struct {
	Stack Stack
	N     int
}

// MemoryOf forecasts the memory of a training of several stacks, as [Architecture.Memory]
// does of one network. extra is for what else the step holds, in bytes.
func MemoryOf(batch int, parts []Part, t Training, extra int64) Memory {
	m, largest := Memory{Batch: batch, Activations: extra}, int64(0)
	for _, p := range parts {
		one, most := p.Stack.steps.memory(p.N, t)
		m.Weights, m.Gradients, m.Optimizer = m.Weights+one.Weights, m.Gradients+one.Gradients, m.Optimizer+one.Optimizer
		m.Activations, largest = m.Activations+one.Activations, max(largest, most)
	}
	return m.total(largest)
}

// overwritten reports whether TensorFlow writes the output of the step's only user over the
// step's output, also in training.
func (s steps) overwritten(i int) bool {
	users := s.users(i)
	return len(users) == 1 && s[users[0]].layer.Traits().InPlace && !s[i].layer.Traits().ReadsOutput
}

// Largest names the layer with most of the weights: "fc1 has 37 million
// weights". Without layers it returns the architecture's name.
func (a Architecture) Largest() string {
	rows, err := a.Summary()
	if err != nil || len(rows) == 0 {
		return a.Name
	}
	largest := slices.MaxFunc(rows, func(a, b Row) int { return a.Parameters - b.Parameters })
	return fmt.Sprintf("%s has %d million weights", largest.Name, largest.Parameters/1e6)
}
