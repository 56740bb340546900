package tfmodel

// Memory is a forecast in bytes: what a network holds for a batch, without the
// kernels' scratch space.
type Memory struct {
	Batch       int   `json:"batch"`
	Weights     int64 `json:"weights"`
	Gradients   int64 `json:"gradients"`   // of the trained weights
	Optimizer   int64 `json:"optimizer"`   // Adam's two moments
	Activations int64 `json:"activations"` // outputs of all layers, which the backward pass needs
	Training    int64 `json:"training"`    // all of these
	Inference   int64 `json:"inference"`   // weights and the two largest neighbouring outputs
}

// Memory forecasts what a batch takes.
func (a Architecture) Memory(batch int) (Memory, error) {
	shapes, err := a.Shapes()
	if err != nil {
		return Memory{}, err
	}
	const float = 4
	m := Memory{Batch: batch}
	for i, l := range a.Layers {
		for _, p := range l.Layer.Params(shapes[i]) {
			n := int64(Shape(p.Shape).Elements()) * float
			m.Weights += n
			if p.Trainable {
				m.Gradients += n
				m.Optimizer += 2 * n
			}
		}
	}
	var peak int64
	for i, s := range shapes {
		n := int64(s.Elements()) * int64(batch) * float
		m.Activations += n
		if i > 0 {
			peak = max(peak, n+int64(shapes[i-1].Elements())*int64(batch)*float)
		}
	}
	m.Training = m.Weights + m.Gradients + m.Optimizer + m.Activations
	m.Inference = m.Weights + peak
	return m, nil
}
