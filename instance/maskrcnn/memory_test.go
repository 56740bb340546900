package maskrcnn

import (
	"testing"

	"oscar/tfmodel"
)

// The forecast counts each weight once, and grows with the batch, the picture and the number of
// sampled regions. That of the default detector was measured: docs/results/drawn-instances.md.
func TestMemory(t *testing.T) {
	forecast := func(batch int, change func(*Architecture)) tfmodel.Memory {
		a := ResNet10(6)
		change(&a)
		m, err := a.Memory(batch, 7, tfmodel.DefaultAdam())
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	plain := forecast(8, func(*Architecture) {})
	weights, err := ResNet10(6).Parameters()
	if err != nil {
		t.Fatal(err)
	}
	if plain.Weights != 4*int64(weights) || plain.Optimizer != 2*plain.Gradients {
		t.Errorf("%+v for %d weights", plain, weights)
	}
	t.Logf("a step of 8 pictures takes %d MiB", plain.Training>>20)
	for name, more := range map[string]tfmodel.Memory{
		"batch":   forecast(16, func(*Architecture) {}),
		"picture": forecast(8, func(a *Architecture) { a.Input = tfmodel.Shape{512, 512, 3} }),
		"regions": forecast(8, func(a *Architecture) { a.Regions.Positives, a.Regions.Negatives = 40, 100 }),
	} {
		if more.Activations < plain.Activations*5/4 || more.Weights != plain.Weights {
			t.Errorf("with more of %s: %+v, before %+v", name, more, plain)
		}
	}
}
