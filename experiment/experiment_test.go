package experiment

import (
	gocmp "cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"oscar/dataset"
	"oscar/internal/keyed"
	"oscar/internal/machine"
	"oscar/internal/testkit"
	"oscar/tfmodel"
)

// trainingKeys are those that an error of training lists.
var trainingKeys = strings.Join(keyed.Keys(reflect.TypeFor[Training]()), ", ")

// tiny is a training of the smallest network: 5 epochs in batches of 4.
func tiny() Experiment {
	e := Default()
	e.Architecture.Name = "tiny"
	e.Training.Epochs, e.Training.Batch, e.Training.LearningRate = 5, 4, 1e-3
	return e
}

// A YAML file says what differs and leaves the rest.
func TestYAMLOverlay(t *testing.T) {
	e := Default()
	err := e.ReadYAML([]byte(`
architecture: tiny       # a name alone
training:
  epochs: 3
  adam: {beta1: 0.8}
data:
  fractions: [0.6, 0.2, 0.2]
  strict: true
seed: 18446744073709551615
`))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Architecture.Name = "tiny"
	want.Training.Epochs, want.Training.Adam.Beta1 = 3, 0.8
	want.Data.Fractions, want.Data.Strict = [3]float64{0.6, 0.2, 0.2}, true
	want.Seed = 1<<64 - 1
	if diff := cmp.Diff(want, e); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestYAMLRefusals(t *testing.T) {
	const (
		top          = "format, architecture, fine_tune, explain, data, training, seed"
		augmentation = "rotation, width_shift, height_shift, shear, zoom, random_crop, horizontal_flip, vertical_flip, brightness, contrast, saturation, hue, autocontrast, equalize, solarize, posterize, sharpness, random_erasing, fill_mode, fill_value"
	)
	for text, want := range map[string]string{
		"":                                      "the file is empty; want keys such as training: {epochs: 40}",
		"# nothing":                             "the file is empty; want keys such as training: {epochs: 40}",
		"epochs: 3":                             `the file has an unknown key "epochs"; have ` + top,
		"sed: 3":                                `the file has an unknown key "sed" (seed?); have ` + top,
		"training: {epoch: 3}":                  `training has an unknown key "epoch" (epochs?); have ` + trainingKeys,
		"training: {Epochs: 3}":                 `training has an unknown key "Epochs" (epochs?); have ` + trainingKeys,
		"training: {adam: {beta: 1}}":           `training.adam has an unknown key "beta" (beta1?); have beta1, beta2, epsilon, weight_decay`,
		"training: {loss: {smoothing: 1}}":      `training.loss has an unknown key "smoothing"; have kind, label_smoothing, gamma`,
		"training: {schedule: {warmup: 1}}":     `training.schedule has an unknown key "warmup"; have kind, decay, floor, warmup_epochs, warmup_steps`,
		"training: {schedule: cosine}":          "training.schedule is cosine, want some of the keys kind, decay, floor, warmup_epochs, warmup_steps",
		"training: {early_stopping: {wait: 1}}": `training.early_stopping has an unknown key "wait"; have monitor, patience, min_delta`,
		"data: {size: 3}":                       `data has an unknown key "size"; have root, fractions, interpolation, aspect, padding, columns, classes, max_pixels, max_bytes, strict, groups, near_duplicate_distance`,
		"training: 3":                           "training is 3, want some of the keys " + trainingKeys,
		"[1, 2]":                                "the file is [1 2], want some of the keys " + top,
		"just words":                            "the file is just words, want some of the keys " + top,
		"training: {epochs: many}":              "training.epochs is a string, want a whole number",
		"training: {epochs: 1.5}":               "training.epochs is 1.5, want a whole number",
		"architecture: {name: a, input: 3}":     "architecture.input is a number, want a list as [height, width, 3]",
		"architecture: {name: a, layers: [{name: c, kind: conv2d, kernel: [3, 3]}]}": "layer c (conv2d): kernel is a list, want a whole number",
		"architecture: {name: a, layers: [conv2d]}":                                  "architecture.layers.1: a layer is \"conv2d\", want {name: ..., kind: ...}",
		"seed: -1":                                                           "seed is -1, want a whole number from 0",
		"data: {strict: maybe}":                                              "data.strict is a string, want true or false",
		"data: {fractions: [0.5, 0.5]}":                                      "data.fractions is [0.5 0.5], want 3 values",
		"data: {fractions: [0.4,0.3,0.2,0.1]}":                               "data.fractions is [0.4 0.3 0.2 0.1], want 3 values",
		"architecture: {layer: []}":                                          `architecture has an unknown key "layer" (layers?); have name, input, layers, tuning, output`,
		"architecture: {layers: [{name: a, kind: conv3d}]}":                  `layer a: no layer kind "conv3d" (conv2d?); have ` + strings.Join(tfmodel.Kinds(), ", "),
		"architecture: {layers: [{name: a, kind: conv2d, filter: 3}]}":       `layer a (conv2d) has an unknown key "filter" (filters?); have name, kind, filters, kernel, stride, padding, use_bias, initializer, l2`,
		"training: {augmentation: {phases: [{zom: 1}]}}":                     `training.augmentation.phases.1 has an unknown key "zom" (zoom?); have epochs, ` + augmentation + ", policy, mixup, cutmix",
		"training: {augmentation: {copies: [{}, {rotate: 1}]}}":              `training.augmentation.copies.2 has an unknown key "rotate"; have ` + augmentation,
		"training: {augmentation: {phases: [{zoom: wide}]}}":                 `training.augmentation.phases.1.zoom: got "wide", want a number or [low, high]`,
		"training: {augmentation: {phases: {zoom: 1}}}":                      "training.augmentation.phases is not a list; its entries begin with -",
		"training: {augmentation: {phases: [{fill_value: 300}]}}":            "training.augmentation.phases.1.fill_value is 300, want a whole number from 0 to 255",
		"training: {augmentation: {phases: [{horizontal_flip: sometimes}]}}": "training.augmentation.phases.1.horizontal_flip is a string, want true or false",
		"a: b: c": "yaml: mapping values are not allowed in this context",
	} {
		e := Default()
		testkit.WantError(t, e.ReadYAML([]byte(text)), want)
	}
}

// What cannot be is told by its key.
func TestCheckRefusals(t *testing.T) {
	for setting, want := range map[string]string{
		"schedule={kind: step}":                         `no schedule "step"; have constant, inverse_time, cosine`,
		"schedule={decay: 1e-3}":                        "schedule.decay is 0.001, which only inverse_time has",
		"schedule={kind: inverse_time, decay: -1}":      "schedule.decay is -1, want 0 or more",
		"schedule={kind: inverse_time, floor: 1e-7}":    "schedule.floor is 1e-07, which only cosine has",
		"schedule={kind: cosine, floor: 1}":             "schedule.floor is 1, want 0 to the learning rate, 0.001",
		"schedule={warmup_steps: -1}":                   "schedule.warmup_steps is -1, want 0 or more",
		"schedule={warmup_epochs: 6}":                   "schedule.warmup_epochs is 6, want 0 to the training's 5 epochs: change it by --set training.schedule.warmup_epochs=EPOCHS",
		"schedule={warmup_epochs: 1, warmup_steps: 10}": "schedule has warmup_epochs and warmup_steps; give one",
		"loss={label_smoothing: 1}":                     "label smoothing is 1, want 0 to below 1",
		"adam={weight_decay: -1}":                       "weight decay is -1, want at least 0",
		"select=f1":                                     `no select "f1"; have accuracy, loss, mean_average_precision`,
		"early_stopping={}":                             "early_stopping.patience is 0, want 1 or more",
		"early_stopping={patience: 1, min_delta: -1}":   "early_stopping.min_delta is -1, want 0 or more",
		"early_stopping={patience: 1, monitor: time}":   `no early_stopping.monitor "time"; have accuracy, loss, mean_average_precision`,
		"augmentation={phases: [{zoom: 2}]}":            "augmentation: phase 1: zoom is -1 to 3, want a range within 0.01 to 100",
		"augmentation={phases: [{fill_value: 9}]}":      "augmentation: phase 1: fill_value is 9, which only fill_mode constant has",
	} {
		e := tiny()
		if err := e.Set("training." + setting); err != nil {
			t.Errorf("%s: %v", setting, err)
		}
		testkit.WantError(t, e.Check(), want)
	}
	for setting, want := range map[string]string{
		"{groups: '('}":                `groups "(" is neither near_duplicates nor a file FILE.csv nor a regular expression: error parsing regexp: missing closing ): ` + "`(`",
		"{near_duplicate_distance: 3}": "near_duplicate_distance is 3, which only groups: near_duplicates has",
		"{groups: near_duplicates, near_duplicate_distance: 17}": "the distance of near duplicates is 17, want 0 to 16",
	} {
		e := tiny()
		if err := e.Set("data=" + setting); err != nil {
			t.Errorf("%s: %v", setting, err)
		}
		testkit.WantError(t, e.Check(), want)
	}
	e := tiny()
	e.Data.Fractions = [3]float64{0.8, 0, 0.2}
	e.Training.EarlyStopping = &EarlyStopping{Patience: 3}
	testkit.WantError(t, e.Check(), "early_stopping needs a validation part, which data.fractions leaves empty")
}

// A key that is set wins over what was there, whole lists included.
func TestSet(t *testing.T) {
	e := tiny()
	for _, setting := range []string{
		"training.epochs=7", "seed=3", "data.fractions=[0.6, 0.2, 0.2]",
		"training.augmentation={phases: [{epochs: 2, zoom: 0.1, vertical_flip: true}, {rotation: 5}]}",
		"training.augmentation.phases=[{epochs: 3}, {hue: 4}]",
		"training.early_stopping={patience: 2}", "training.early_stopping=null", "training.schedule.kind=cosine",
	} {
		if err := e.Set(setting); err != nil {
			t.Errorf("%s: %v", setting, err)
		}
	}
	want := tiny()
	want.Training.Epochs, want.Seed, want.Data.Fractions, want.Training.Schedule.Kind = 7, 3, [3]float64{0.6, 0.2, 0.2}, "cosine"
	want.Training.Augmentation.Phases = []dataset.Phase{{Epochs: 3}, {Variation: dataset.Variation{Hue: dataset.Span{Low: -4, High: 4}}}}
	if diff := cmp.Diff(want, e); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	e.Architecture = tfmodel.Tiny(6)
	if err := e.Set("architecture=alexnet02"); err != nil || e.Architecture.Layers != nil {
		t.Errorf("a name alone leaves %d layers, %v", len(e.Architecture.Layers), err)
	}
	for setting, want := range map[string]string{
		"training.epochs":                `"training.epochs" has no value, want KEY=VALUE as in training.epochs=40`,
		"training.epoch=3":               `training has an unknown key "epoch" (epochs?); have ` + trainingKeys,
		"training.epochs=a":              "training.epochs is a string, want a whole number",
		"seed=":                          `"seed=" has no value, want KEY=VALUE as in training.epochs=40`,
		"training.batch=010":             "training.batch: 010 is octal in YAML; want a number without a leading 0",
		"data.fractions=[0.6, 007, 0.2]": "data.fractions: 007 is octal in YAML; want a number without a leading 0",
		"seed=[":                         "seed: yaml: line 1: did not find expected node content",
	} {
		testkit.WantError(t, e.Set(setting), want)
	}
}

// The layer to explain, if none is named, is the last convolution or block.
func TestExplainedLayer(t *testing.T) {
	for name, want := range map[string]string{"alexnet02": "conv5", "tiny": "conv5", "resnet10": "block4"} {
		e := Default()
		e.Architecture.Name = name
		if err := e.Resolve(6); err != nil || e.Explain != want {
			t.Errorf("%s is explained with %q, %v; want %s", name, e.Explain, err, want)
		}
	}
	e := Default()
	e.Architecture = tfmodel.Architecture{Name: "flat", Input: tfmodel.Shape{4, 4, 3}, Layers: []tfmodel.Named{{Name: "flat", Layer: &tfmodel.Flatten{}}, {Name: "out", Layer: &tfmodel.Dense{Units: 6}}}}
	testkit.WantError(t, e.Check(), "flat has no convolution to explain with; name a layer with a map")
}

// A layer without a gradient cannot be explained by a run: neither by default nor by name.
func TestExplainedLayerHasGradient(t *testing.T) {
	const why = "oscar knows no right gradient of Turn (turn)"
	layers := func(first, last string) []tfmodel.Named {
		return []tfmodel.Named{
			{Name: "first", Layer: &tfmodel.Imported{Operation: "conv2d", Output: tfmodel.Shape{4, 4, 3}, NoGradient: first}},
			{Name: "last", Layer: &tfmodel.Imported{Operation: "conv2d", Output: tfmodel.Shape{4, 4, 3}, NoGradient: last}},
			{Name: "features", Layer: &tfmodel.Imported{Operation: "features", Output: tfmodel.Shape{3}}},
			{Name: "head", Layer: &tfmodel.Dense{Units: 6}},
		}
	}
	for _, test := range []struct{ first, last, explain, err string }{
		{"", "", "", ""},
		{why, "", "", ""},
		{why, "", "last", ""},
		{why, "", "first", "turned has no gradient at first, and a run explains a layer with one: " + why},
		{why, why, "", "turned has no layer with a map and a gradient; a run explains one: " + why},
	} {
		e := Default()
		e.FineTune = &FineTune{From: "model"}
		e.Architecture = tfmodel.Architecture{Name: "turned", Input: tfmodel.Shape{4, 4, 3}, Layers: layers(test.first, test.last)}
		e.Explain = test.explain
		err := e.Check()
		if test.err != "" {
			testkit.WantError(t, err, test.err)
		} else if err != nil {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

// The recipes can be read and say what they are said to say.
func TestRecipes(t *testing.T) {
	files, err := filepath.Glob("../recipes/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("recipes %v, %v", files, err)
	}
	recipes := map[string]Experiment{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		e := Default()
		if err := e.ReadYAML(b); err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if e.FineTune != nil { // --from
			e.FineTune.From = "model"
		}
		if err := e.Resolve(6); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		recipes[filepath.Base(file)] = e
	}
	if got := recipes["hgs-milestone2.yaml"].Training.Augmentation; got.Images(1894) != 3788 || got.Copies[0] != (dataset.Variation{Rotation: dataset.Span{Low: 10, High: 180}}) || len(got.Phases) > 0 {
		t.Errorf("milestone 2: %+v", got)
	}
	if got := recipes["finetune.yaml"]; got.FineTune.HeadEpochs != 3 || len(got.FineTune.Freeze) != 5 || got.FineTune.LayerDecay != 0.7 || got.Training.Epochs != 12 {
		t.Errorf("fine-tuning: %+v", got.FineTune)
	}
	got := recipes["hgs-partial-augmentation.yaml"].Training
	if got.Epochs != 60 || len(got.Augmentation.Phases) != 1 || got.Augmentation.Phases[0].Epochs != 20 || got.LearningRate != 5e-6 {
		t.Errorf("partial augmentation: %+v", got)
	}
	dropout := recipes["hgs-dropout.yaml"]
	if dropout.Training.Epochs != 80 || dropout.Training.LearningRate != 1e-5 || dropout.Training.Schedule != (Schedule{Kind: "inverse_time", Decay: 2.5e-7}) {
		t.Errorf("dropout: %+v", dropout.Training)
	}
	plain, err := dropout.Architecture.Without("dropout")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tfmodel.AlexNet02(6).Layers, plain.Layers); diff != "" {
		t.Errorf("without its dropout it is not AlexNet02 (-want +got):\n%s", diff)
	}
}

// What cannot fit is refused with its forecast, what hardly fits is noted.
func TestMemoryForecast(t *testing.T) {
	e := Default()
	e.Architecture = tfmodel.AlexNet02(6)
	e.Training.Batch = 32
	m, err := e.Architecture.Memory(32, tfmodel.Training{})
	if err != nil {
		t.Fatal(err)
	}
	fixed := m.Weights + m.Gradients + m.Optimizer
	if note, err := e.Fits(m.Training); note != "" || err != nil {
		t.Errorf("it just fits: %q, %v", note, err)
	}
	if note, err := e.Fits(0); note != "" || err != nil {
		t.Errorf("an unknown memory: %q, %v", note, err)
	}
	note, err := e.Fits(m.Training - 1)
	if err != nil || !strings.Contains(note, "a step of 32 images takes about 1.") || !strings.Contains(note, "as --batch 16, takes less") {
		t.Errorf("%q, %v", note, err)
	}
	_, err = e.Fits(fixed - 1)
	testkit.WantError(t, err, "training alexnet02 takes 0.8 GiB for weights, gradients and optimizer alone, and this machine has 0.8 GiB; take a smaller network: fc1 has 37 million weights")
	if machine.Memory() < 1<<28 {
		t.Errorf("this machine has %d bytes", machine.Memory())
	}

	// The study's variant without pooling.
	e = Default()
	if e.Architecture, err = tfmodel.AlexNet02(6).Without("max_pool2d"); err != nil {
		t.Fatal(err)
	}
	_, err = e.Fits(24 << 30)
	if err == nil || !strings.Contains(err.Error(), "fc1 has 3171 million weights") {
		t.Errorf("without pooling: %v", err)
	}
}

// Another optimizer takes the place of the one before, with all its settings.
func TestOptimizer(t *testing.T) {
	e := tiny()
	set := func(settings ...string) (string, error) {
		for _, s := range settings {
			if err := e.Set(s); err != nil {
				return "", err
			}
		}
		text, err := json.Marshal(struct {
			Optimizer Optimizer    `json:"optimizer,omitzero"`
			Adam      tfmodel.Adam `json:"adam,omitzero"`
		}{e.Training.Optimizer, e.Training.Adam})
		return string(text), gocmp.Or(err, e.Check())
	}
	for _, test := range []struct{ setting, want string }{
		{"training.adam.weight_decay=0.5", `{"adam":{"beta1":0.9,"beta2":0.999,"epsilon":1e-7,"weight_decay":0.5}}`},
		{"training.optimizer=sgd", `{"optimizer":{"kind":"sgd","momentum":0}}`},
		{"training.optimizer={kind: sgd, momentum: 0.9, nesterov: true}", `{"optimizer":{"kind":"sgd","momentum":0.9,"nesterov":true}}`},
		{"training.optimizer.momentum=0.5", `{"optimizer":{"kind":"sgd","momentum":0.5,"nesterov":true}}`},
		{"training.optimizer.kind=rmsprop", `{"optimizer":{"kind":"rmsprop","rho":0.9,"momentum":0,"epsilon":1e-7}}`},
		{"training.optimizer=adam", `{"adam":{"beta1":0.9,"beta2":0.999,"epsilon":1e-7}}`},
		{"training.optimizer={kind: adam}", `{"adam":{"beta1":0.9,"beta2":0.999,"epsilon":1e-7}}`},
	} {
		if got, err := set(test.setting); err != nil || got != test.want {
			t.Errorf("%s: %s, %v, want %s", test.setting, got, err, test.want)
		}
	}
	for setting, want := range map[string]string{
		"training.optimizer.momentum=0.5":               `the optimizer is {"momentum":0.5}, want a kind with its settings, as {kind: sgd, momentum: 0.9}; kinds are adam, sgd, rmsprop`,
		"training.optimizer={kind: adam, beta1: 1}":     "the settings of the optimizer adam are those of training.adam",
		"training.optimizer={kind: sgd, momentum: a}":   "optimizer sgd: momentum is a string, want a number",
		"training.optimizer={kind: sgd, rho: 1}":        `optimizer sgd: it has an unknown key "rho"`,
		"training.optimizer=rmspro":                     `training.optimizer: no optimizer "rmspro" (rmsprop?); have adam, sgd, rmsprop`,
		"training={optimizer: sgd, adam: {beta1: 0.5}}": "training.adam has settings, but the optimizer is sgd; give them to training.optimizer",
	} {
		e = tiny()
		_, err := set(setting)
		testkit.WantError(t, err, want)
	}
}
