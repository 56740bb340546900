package experiment

import (
	"encoding/json"
	"fmt"
	"testing"

	"oscar/internal/keyed"
)

// TestEveryNumber puts values that make no sense into each number of the
// experiments of several architectures, with all their layers.
func TestEveryNumber(t *testing.T) {
	for _, name := range []string{"tiny", "resnet10", "vgg11_bn"} {
		e := Default()
		e.Architecture.Name = name
		if err := e.Resolve(6); err != nil {
			t.Fatal(err)
		}
		e.Training.EarlyStopping = &EarlyStopping{Patience: 3, Monitor: ByLoss}
		if err := e.ReadYAML([]byte("training: {accumulate: 2, clipvalue: 1, ema_decay: 0.9, augmentation: {copies: [{rotation: 10}], phases: [{epochs: 2, zoom: 0.1, mixup: 1, random_erasing: 0.5, policy: {choose: 2, of: [{posterize: 3}]}}, {hue: 5}]}}")); err != nil {
			t.Fatal(err)
		}
		tree, err := keyed.Tree(&e)
		if err != nil {
			t.Fatal(err)
		}
		tries := 0
		var spoil func(path string, node any, set func(any))
		spoil = func(path string, node any, set func(any)) {
			switch node := node.(type) {
			case map[string]any:
				for key, v := range node {
					spoil(path+"."+key, v, func(v any) { node[key] = v })
				}
			case []any:
				for i, v := range node {
					spoil(fmt.Sprint(path, ".", i), v, func(v any) { node[i] = v })
				}
			case json.Number:
				for _, v := range []json.Number{"0", "-1", "2147483648", "4611686018427387904", "1e300", "-1e300", "1e-320"} {
					set(v)
					tries++
					try(t, path, string(v), tree)
				}
				set(node)
			}
		}
		spoil("", tree, func(any) {})
		if tries < 100 {
			t.Errorf("%s: %d tries only", name, tries)
		}
	}
	for _, value := range []string{".nan", ".inf", "-.inf"} {
		for _, key := range []string{"training.learning_rate", "training.epochs", "training.adam.beta1", "training.schedule.decay", "data.max_pixels", "data.fractions", "seed"} {
			e := Default()
			if err := e.Set(key + "=" + value); err == nil {
				t.Errorf("%s=%s is taken", key, value)
			}
		}
	}
}

// try reads an experiment, checks it and forecasts its memory. Numbers of bytes
// that are taken must be counted without an overflow.
func try(t *testing.T, path, value string, tree any) {
	t.Helper()
	text, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("%s=%s: %v", path, value, r)
		}
	}()
	var e Experiment
	if e.ReadJSON(text) != nil || e.Resolve(6) != nil {
		return
	}
	m, err := e.Architecture.Memory(e.Training.Batch, e.Training.Learning())
	if err != nil {
		return
	}
	for _, n := range []int64{m.Weights, m.Gradients, m.Optimizer, m.Activations, m.Overhead, m.Training, m.Inference} {
		if n < 0 || n > 1<<60 {
			t.Errorf("%s=%s: the forecast is %+v", path, value, m)
		}
	}
	_, _ = e.Fits(1 << 34)
}
