package tfmodel

// Memory is a forecast in bytes of what a network takes for a batch, beyond the
// quarter of a gigabyte that a program with TensorFlow has in any case.
type Memory struct {
	Batch       int   `json:"batch"`
	Weights     int64 `json:"weights"`
	Gradients   int64 `json:"gradients"`   // of the trained weights
	Optimizer   int64 `json:"optimizer"`   // Adam's two moments
	Activations int64 `json:"activations"` // outputs that the backward pass needs, and its own under way
	// Overhead is a copy of the trained weights, which a step makes of those that
	// are still read when they are updated, and a quarter of everything, which
	// TensorFlow's allocator holds in pieces that fit nothing.
	Overhead  int64 `json:"overhead"`
	Training  int64 `json:"training"`  // all of these
	Inference int64 `json:"inference"` // weights, and what the largest layer takes and gives
}

// Memory forecasts the memory for a batch of that many images. It does not look
// at the machine.
func (a Architecture) Memory(batch int) (Memory, error) {
	steps, err := a.steps()
	if err != nil {
		return Memory{}, err
	}
	const float = 4
	m := Memory{Batch: batch}
	steps.forEachParam(func(_ string, p Param) {
		n := int64(Shape(p.Shape).Elements()) * float
		m.Weights += n
		if p.Trainable {
			m.Gradients += n
			m.Optimizer += 2 * n
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
	m.Activations += 2 * largest // gradients, and the layer's values in the order that a kernel wants
	held := m.Weights + m.Gradients + m.Optimizer + m.Activations + m.Gradients
	m.Overhead = m.Gradients + held/4
	m.Training = held + held/4
	m.Inference = m.Weights + largest
	return m, nil
}

// overwritten reports whether a layer's output gives way to that of the only
// layer that takes it, in training too.
func (s steps) overwritten(i int) bool {
	if _, ok := s[i].layer.(*MaxPool2D); ok { // its gradient needs it
		return false
	}
	users := s.users(i)
	if len(users) != 1 {
		return false
	}
	switch s[users[0]].layer.(type) {
	case *ReLU, *Dropout, *Flatten, sum:
		return true
	}
	return false
}
