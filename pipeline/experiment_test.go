package pipeline

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"oscar/tfmodel"
)

// A YAML file says what differs and leaves the rest.
func TestYAMLOverlay(t *testing.T) {
	e := DefaultExperiment()
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
	want := DefaultExperiment()
	want.Architecture.Name = "tiny"
	want.Training.Epochs, want.Training.Adam.Beta1 = 3, 0.8
	want.Data.Fractions, want.Data.Strict = [3]float64{0.6, 0.2, 0.2}, true
	want.Seed = 1<<64 - 1
	if diff := cmp.Diff(want, e); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestYAMLArchitecture(t *testing.T) {
	e := DefaultExperiment()
	err := e.ReadYAML([]byte(`
explain: look
architecture:
  name: mine
  input: [24, 24, 3]
  layers:
    - {name: look, kind: conv2d, filters: 6, kernel: 3}
    - {name: act, kind: relu}
    - {name: pool, kind: global_average_pool2d}
    - {name: out, kind: dense, units: 6}
training: {epochs: 1, batch: 16, learning_rate: 0.001}
`))
	if err != nil {
		t.Fatal(err)
	}
	run, err := train(t, TrainOptions{Experiment: e})
	if err != nil {
		t.Fatal(err)
	}
	i, err := Inspect(run.Dir, 8)
	if err != nil {
		t.Fatal(err)
	}
	if i.Model != "mine" || len(i.Layers) != 4 || i.Parameters != 6*(3*3*3+1)+6*7 || i.Explain != "look" || i.Image.Height != 24 || i.Memory.Batch != 8 {
		t.Errorf("%+v", i)
	}
	if _, rows := explained(t, ExplainOptions{Model: run.Dir, Paths: []string{photos(t, 2)}}); rows[0].Layer != "look" {
		t.Errorf("explained layer %s", rows[0].Layer)
	}
}

func TestYAMLRefusals(t *testing.T) {
	const top = "format, architecture, explain, data, training, seed"
	for text, want := range map[string]string{
		"":                                     "the file is empty; want keys such as training: {epochs: 40}",
		"# nothing":                            "the file is empty; want keys such as training: {epochs: 40}",
		"epochs: 3":                            `the file has an unknown key "epochs"; have ` + top,
		"training: {epoch: 3}":                 `training has an unknown key "epoch"; have epochs, batch, learning_rate, adam`,
		"training: {Epochs: 3}":                `training has an unknown key "Epochs"; have epochs, batch, learning_rate, adam`,
		"training: {adam: {beta: 1}}":          `training.adam has an unknown key "beta"; have beta1, beta2, epsilon`,
		"data: {size: 3}":                      `data has an unknown key "size"; have root, fractions, interpolation, max_pixels, max_bytes, strict`,
		"training: 3":                          "training is 3, want some of the keys epochs, batch, learning_rate, adam",
		"[1, 2]":                               "the file is [1 2], want some of the keys " + top,
		"just words":                           "the file is just words, want some of the keys " + top,
		"training: {epochs: many}":             "training.epochs is a string, want a whole number",
		"training: {epochs: 1.5}":              "training.epochs is a number 1.5, want a whole number",
		"seed: -1":                             "seed is a number -1, want a whole number from 0",
		"data: {strict: maybe}":                "data.strict is a string, want true or false",
		"data: {fractions: [0.5, 0.5]}":        "data.fractions is [0.5 0.5], want 3 values",
		"data: {fractions: [0.4,0.3,0.2,0.1]}": "data.fractions is [0.4 0.3 0.2 0.1], want 3 values",
		"architecture: {layer: []}":            `architecture has an unknown key "layer"; have name, input, layers`,
		"architecture: {layers: [{name: a, kind: conv3d}]}":            `layer a: no layer kind "conv3d"; have conv2d, dense, relu, max_pool2d, average_pool2d, global_average_pool2d, batch_normalization, dropout, flatten`,
		"architecture: {layers: [{name: a, kind: conv2d, filter: 3}]}": `layer a (conv2d): json: unknown field "filter"`,
		"a: b: c": "yaml: mapping values are not allowed in this context",
	} {
		e := DefaultExperiment()
		wantError(t, e.ReadYAML([]byte(text)), want)
	}
}

// An experiment's settings are all in its experiment.json: given back, it makes
// the same run.
func TestExperimentGivenBack(t *testing.T) {
	b, err := os.ReadFile(trained(t).path(experimentFile))
	if err != nil {
		t.Fatal(err)
	}
	e := DefaultExperiment()
	if err := e.ReadYAML(b); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(trained(t).Experiment, e); diff != "" {
		t.Errorf("-run +read:\n%s", diff)
	}
	run, err := train(t, TrainOptions{Experiment: e})
	if err != nil {
		t.Fatal(err)
	}
	sameRun(t, run.Dir, trained(t).Dir)
	if got := tree(t, run.Dir)[experimentFile]; got != string(b) {
		t.Errorf("experiment.json is now\n%s\nwas\n%s", got, b)
	}

	// Another seed makes another run.
	e.Seed = 2
	if run, err = train(t, TrainOptions{Experiment: e}); err != nil {
		t.Fatal(err)
	}
	const data = "saved_model/variables/variables.data-00000-of-00001"
	if tree(t, run.Dir)[data] == tree(t, trained(t).Dir)[data] {
		t.Error("seed 2 ends with the weights of seed 1")
	}
}

// An architecture of another number of classes does not fit.
func TestWrongNumberOfClasses(t *testing.T) {
	e := tiny()
	e.Architecture = tfmodel.Tiny(3)
	_, err := train(t, TrainOptions{Experiment: e})
	wantError(t, err, "architecture tiny ends with 3 units for 6 classes")
}

// What dataset says of a folder that is none reaches the user.
func TestBadFolders(t *testing.T) {
	dir := t.TempDir()
	b, err := os.ReadFile(filepath.Join(shapes(t), "can", "0000.png"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "one", "can", "a.png"), string(b))
	write(t, filepath.Join(dir, "two", "can", "a.png"), string(b))
	write(t, filepath.Join(dir, "two", "box", "a.txt"), "text")
	write(t, filepath.Join(dir, "few", "can", "a.png"), string(b))
	write(t, filepath.Join(dir, "few", "box", "b.png"), string(b))
	for _, name := range []string{"none", "empty/can", "empty/box"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"none":          `image folder "none" is empty: one sub-folder per class is needed`,
		"one":           `"one" has one class folder only (can): at least two classes are needed`,
		"one/can":       `1 files (a.png, ...) lie directly in "one/can": one sub-folder per class is needed`,
		"two":           `class "box" has no readable image in "two/box", for one box/a.txt: not a JPEG, PNG, GIF, BMP, TIFF or WebP image (begins with "text")`,
		"few":           `class "box" has too few different images for the split [0.7 0.15 0.15]: 1, at least 3 are needed`,
		"empty":         `class "box" has no readable image in "empty/box"`,
		"one/can/a.png": `"one/can/a.png" is a file: expected a folder with one sub-folder per class`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(dir)
			_, err := train(t, TrainOptions{Data: name, Experiment: tiny()})
			wantError(t, err, want)
		})
	}
}
