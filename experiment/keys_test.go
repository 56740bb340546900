package experiment

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"oscar/dataset"
	"oscar/internal/machine"
	"oscar/internal/testkit"
	"oscar/tfmodel"
)

// others has another value for every key of an experiment, and what must be set
// before, where the key has no meaning alone.
var others = map[string]struct{ before, value string }{
	"format":                            {"", "2"},
	"architecture.name":                 {"", "resnet10"},
	"architecture.input":                {"", "[64, 64, 3]"},
	"architecture.layers":               {"", "[{name: c, kind: conv2d, filters: 2, kernel: 3}, {name: p, kind: global_average_pool2d}, {name: d, kind: dense, units: 6}]"},
	"explain":                           {"", "pool5"},
	"fine_tune.from":                    {"fine_tune={from: a}", "b"},
	"fine_tune.weights":                 {"fine_tune={weights: a}", "b"},
	"fine_tune.freeze":                  {"fine_tune={from: a}", "[stem*]"},
	"fine_tune.head_epochs":             {"fine_tune={from: a}", "2"},
	"fine_tune.head_learning_rate":      {"fine_tune={from: a}", "0.5"},
	"fine_tune.layer_decay":             {"fine_tune={from: a}", "0.5"},
	"data.root":                         {"", "/elsewhere"},
	"data.fractions":                    {"", "[0.5, 0.25, 0.25]"},
	"data.interpolation":                {"", "nearest"},
	"data.aspect":                       {"", "letterbox"},
	"data.padding":                      {"data.aspect=letterbox", "7"},
	"data.columns.path":                 {"", "file"},
	"data.columns.label":                {"", "breed"},
	"data.columns.part":                 {"", "fold"},
	"data.columns.group":                {"", "patient"},
	"data.columns.weight":               {"", "w"},
	"data.classes":                      {"", "names.txt"},
	"data.max_pixels":                   {"", "7"},
	"data.max_bytes":                    {"", "7"},
	"data.strict":                       {"", "true"},
	"training.epochs":                   {"", "7"},
	"training.batch":                    {"", "7"},
	"training.learning_rate":            {"", "0.5"},
	"training.schedule.kind":            {"", "cosine"},
	"training.schedule.decay":           {"training.schedule.kind=inverse_time", "0.5"},
	"training.schedule.floor":           {"training.schedule.kind=cosine", "1e-9"},
	"training.schedule.warmup_epochs":   {"", "2"},
	"training.schedule.warmup_steps":    {"", "2"},
	"training.adam.beta1":               {"", "0.5"},
	"training.adam.beta2":               {"", "0.5"},
	"training.adam.epsilon":             {"", "0.5"},
	"training.adam.weight_decay":        {"", "0.5"},
	"training.optimizer.kind":           {"", "sgd"},
	"training.optimizer.momentum":       {"training.optimizer=sgd", "0.5"},
	"training.optimizer.nesterov":       {"training.optimizer={kind: sgd, momentum: 0.5}", "true"},
	"training.optimizer.rho":            {"training.optimizer=rmsprop", "0.5"},
	"training.optimizer.epsilon":        {"training.optimizer=rmsprop", "0.5"},
	"training.optimizer.weight_decay":   {"training.optimizer=sgd", "0.5"},
	"training.accumulate":               {"", "3"},
	"training.global_clipnorm":          {"", "0.5"},
	"training.clipvalue":                {"", "0.5"},
	"training.ema_decay":                {"", "0.5"},
	"training.stochastic_depth":         {"architecture=resnet10", "0.5"},
	"training.batch_normalization":      {"", "synchronized"},
	"training.loss.kind":                {"", tfmodel.CategoricalHinge},
	"training.loss.label_smoothing":     {"", "0.5"},
	"training.loss.gamma":               {"training.loss.kind=" + tfmodel.FocalCrossEntropy, "0.5"},
	"training.class_weight":             {"", "balanced"},
	"training.sampling":                 {"", "balanced"},
	"training.augmentation.copies":      {"", "[{zoom: 0.5}]"},
	"training.augmentation.phases":      {"", "[{zoom: 0.5}]"},
	"training.precision":                {"", "auto"},
	"training.select":                   {"", "loss"},
	"training.early_stopping.monitor":   {"training.early_stopping={patience: 3}", "loss"},
	"training.early_stopping.patience":  {"training.early_stopping={patience: 3}", "2"},
	"training.early_stopping.min_delta": {"training.early_stopping={patience: 3}", "0.5"},
	"seed":                              {"", "7"},
}

// Every key has an effect on the resolved experiment or is refused.
func TestEveryKeyHasAnEffect(t *testing.T) {
	all := tiny()
	all.Training.EarlyStopping = &EarlyStopping{Patience: 3}
	all.Training.Schedule = Schedule{Kind: "x", Decay: 1, Floor: 1, WarmupEpochs: 1, WarmupSteps: 1}
	all.Data.Columns, all.Data.Classes = dataset.Columns{Path: "a", Label: "b", Part: "c", Group: "d", Weight: "e"}, "f"
	all.Data.Aspect, all.Data.Padding = dataset.Letterbox, 7
	all.Training.Precision = machine.BFloat16
	all.Training.Accumulate, all.Training.GlobalClipnorm, all.Training.Clipvalue, all.Training.EMADecay, all.Training.StochasticDepth = 2, 1, 1, 0.5, 0.1
	all.FineTune = FineTuning("a").FineTune
	all.FineTune.Weights = "b"
	all.Data.Strict, all.Training.Loss.LabelSmoothing = true, 0.1
	keys, err := all.leaves()
	if err != nil {
		t.Fatal(err)
	}
	for key := range others {
		if parts := strings.Split(key, "."); len(parts) > 1 && (parts[1] == "loss" || parts[1] == "optimizer") || key == "training.augmentation.copies" || key == "training.augmentation.phases" || key == "training.adam.weight_decay" || key == "training.class_weight" || key == "training.sampling" || key == "training.batch_normalization" {
			continue // left out if empty
		}
		if _, ok := keys[key]; !ok {
			t.Errorf("there is no key %s", key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if _, ok := others[key]; !ok {
			t.Errorf("key %s has no other value in this test", key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(others)) {
		resolved := func(settings ...string) (string, error) {
			e := tiny()
			for _, s := range settings {
				if s == "" {
					continue
				}
				if err := e.Set(s); err != nil {
					return "", err
				}
			}
			if err := e.Resolve(6); err != nil {
				return "", err
			}
			text, err := json.Marshal(e)
			return string(text), err
		}
		with := others[key]
		before, err := resolved(with.before)
		if err != nil {
			t.Fatalf("%s: %v", with.before, err)
		}
		if after, err := resolved(with.before, key+"="+with.value); err == nil && before == after {
			t.Errorf("%s=%s is accepted and has no effect", key, with.value)
		}
		// No number may be NaN or infinite, wherever it stands.
		for _, value := range []string{".nan", ".inf", "-.inf", "[.nan, 0.2, 0.2]", "{x: .inf}"} {
			if _, err := resolved(with.before, key+"="+value); err == nil {
				t.Errorf("%s=%s is accepted", key, value)
			} else if strings.Contains(err.Error(), "json:") {
				t.Errorf("%s=%s: %v", key, value, err)
			}
		}
	}
}

// A named network is built at the size of architecture.input.
func TestInputOfANamedNetwork(t *testing.T) {
	for _, name := range tfmodel.Architectures() {
		e := Default()
		e.Architecture = tfmodel.Architecture{Name: name, Input: tfmodel.Shape{160, 160, 3}}
		if err := e.Resolve(6); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := e.Architecture.Input; got[0] != 160 || len(e.Architecture.Layers) == 0 {
			t.Errorf("%s: input %v, %d layers", name, got, len(e.Architecture.Layers))
		}
	}
	e := tiny()
	e.Architecture.Input = tfmodel.Shape{1, 1}
	testkit.WantError(t, e.Check(), "architecture tiny: input is [1,1], want [height,width,channels]")
}

// What differs is named by key; a layer by its name.
func TestEdits(t *testing.T) {
	before, after := tiny(), tiny()
	for _, e := range []*Experiment{&before, &after} {
		if err := e.Resolve(6); err != nil {
			t.Fatal(err)
		}
	}
	if edits, err := after.Edits(&before); err != nil || len(edits) > 0 {
		t.Errorf("of the same: %v, %v", edits, err)
	}
	for _, setting := range []string{"training.epochs=9", "training.learning_rate=0.5", "training.early_stopping={patience: 2}"} {
		if err := after.Set(setting); err != nil {
			t.Fatal(err)
		}
	}
	after.Architecture.Layers[0].Layer.(*tfmodel.Conv2D).Filters = 99
	edits, err := after.Edits(&before)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, e := range edits {
		got[e.Key] = e.Allowed
	}
	want := map[string]bool{
		"architecture.layers.conv1.filters": false, "training.epochs": true, "training.learning_rate": false,
		"training.early_stopping.monitor": true, "training.early_stopping.patience": true, "training.early_stopping.min_delta": true,
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
