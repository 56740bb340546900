package pipeline

import (
	"os"
	"path/filepath"
	"testing"

	"oscar/experiment"
	"oscar/run"
	"oscar/tfmodel"

	"github.com/google/go-cmp/cmp"
)

func TestYAMLArchitecture(t *testing.T) {
	e := experiment.Default()
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
	i, err := Inspect(run.Dir, 8, false)
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

// An experiment's settings are all in its experiment.json: given back, it makes
// the same run.
func TestExperimentGivenBack(t *testing.T) {
	b, err := os.ReadFile(trained(t).Path(run.ExperimentFile))
	if err != nil {
		t.Fatal(err)
	}
	e := experiment.Default()
	if err := e.ReadYAML(b); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(trained(t).Experiment, e); diff != "" {
		t.Errorf("-run +read:\n%s", diff)
	}
	again, err := train(t, TrainOptions{Experiment: e})
	if err != nil {
		t.Fatal(err)
	}
	sameRun(t, again.Dir, trained(t).Dir)
	if got := tree(t, again.Dir)[run.ExperimentFile]; got != string(b) {
		t.Errorf("experiment.json is now\n%s\nwas\n%s", got, b)
	}

	// Another seed makes another run.
	e.Seed = 2
	if again, err = train(t, TrainOptions{Experiment: e}); err != nil {
		t.Fatal(err)
	}
	const data = "saved_model/variables/variables.data-00000-of-00001"
	if tree(t, again.Dir)[data] == tree(t, trained(t).Dir)[data] {
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
		"few":           `class "box" has too few different images for the split [0.7 0.15 0.15]: 1, at least 3 are needed; add images`,
		"empty":         `class "box" has no readable image in "empty/box"`,
		"one/can/a.png": `"one/can/a.png" is a file: expected a folder with one sub-folder per class, or a table (.csv, .tsv, .jsonl, .ndjson)`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(dir)
			_, err := train(t, TrainOptions{Data: name, Experiment: tiny()})
			wantError(t, err, want)
		})
	}
}
