package tfmodel

import (
	"fmt"
	"slices"
)

// Memory is a forecast of a network's memory for a batch, in bytes. TensorFlow itself needs a
// quarter of a gigabyte in addition.
type Memory struct {
	Batch       int   `json:"batch"`
	Weights     int64 `json:"weights"`
	Gradients   int64 `json:"gradients"`   // of the trained weights
	Optimizer   int64 `json:"optimizer"`   // per trained weight: Adam's two moments, moving averages, sums of gradients
	Activations int64 `json:"activations"` // outputs that the backward pass needs, and the largest intermediate values
	// Overhead is a copy of the trained weights and a quarter of everything. A step copies weights that
	// are still read when they are updated. TensorFlow's allocator keeps fragments that fit no other
	// tensor.
	Overhead  int64 `json:"overhead"`
	Training  int64 `json:"training"`  // the sum of all these
	Inference int64 `json:"inference"` // weights, and the input and output of the largest layer
}

// Memory forecasts the memory of training with a batch size. It does not look at the machine.
func (a Architecture) Memory(batch int, t Training) (Memory, error) {
	steps, err := a.steps()
	if err != nil {
		return Memory{}, err
	}
	const float = 4
	m := Memory{Batch: batch}
	steps.forEachParam(func(_ string, p Param) {
		n := int64(p.Shape.Elements()) * float
		m.Weights += n
		if p.Trainable {
			m.Gradients += n
			m.Optimizer += t.kept() * n
		}
	})
	size := func(s Shape) int64 { return int64(s.Elements()) * int64(batch) * float }
	m.Activations = size(a.Input) + size(a.Input)/float // as floats and as bytes
	var largest int64
	for i, s := range steps {
		if !steps.overwritten(i) {
			m.Activations += size(s.out)
		}
		largest = max(largest, int64(len(s.from))*size(s.in)+size(s.out))
	}
	m.Activations += 2 * largest // gradients, and the layer's values in its kernel's memory layout
	sum := m.Weights + m.Gradients + m.Optimizer + m.Activations + m.Gradients
	m.Overhead = m.Gradients + sum/4
	m.Training = sum + sum/4
	m.Inference = m.Weights + largest
	return m, nil
}

// overwritten reports whether TensorFlow writes the output of the step's only user over the step's
// output, in training, too.
func (s steps) overwritten(i int) bool {
	users := s.users(i)
	return len(users) == 1 && s[users[0]].layer.Traits().InPlace && !s[i].layer.Traits().ReadsOutput
}

// Largest returns a text about the layer with the most weights: "fc1 has 37 million weights".
// Without layers it returns the architecture's name.
func (a Architecture) Largest() string {
	rows, err := a.Summary()
	if err != nil || len(rows) == 0 {
		return a.Name
	}
	largest := slices.MaxFunc(rows, func(a, b Row) int { return a.Parameters - b.Parameters })
	return fmt.Sprintf("%s has %d million weights", largest.Name, largest.Parameters/1e6)
}
