package instance_test

import (
	"image"
	"image/color"
	"path/filepath"
	"strings"
	"testing"

	"oscar/dataset"
	"oscar/experiment"
	"oscar/instance"
	"oscar/instance/scene"
	"oscar/internal/graph"
	"oscar/internal/testkit"
	"oscar/pipeline"
	"oscar/run"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

// photographs are pictures with alpha, of one object each.
func photographs(t *testing.T) string {
	dir := t.TempDir()
	for class, red := range map[string]uint8{"can": 255, "cup": 10} {
		for k := range 8 {
			img := image.NewNRGBA(image.Rect(0, 0, 64, 64))
			for y := 10; y < 30+k; y++ {
				for x := 8; x < 40+2*k; x++ {
					img.SetNRGBA(x, y, color.NRGBA{red, uint8(20 * k), uint8((x/6*37 + y/5*91 + x/6*y/5*(k+1)*57 + k*k*131) * 77), 255})
				}
			}
			testkit.WritePNG(t, filepath.Join(dir, class, string(rune('a'+k))+".png"), img)
		}
	}
	return dir
}

// variables are the values of a bundle, by name.
func variables(t *testing.T, prefix string) map[string][]float32 {
	t.Helper()
	list, err := savedmodel.ReadIndex(prefix)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]float32{}
	for _, v := range list {
		values, err := graph.ReadCheckpoint(t.Context(), prefix, []graph.Entry{{Key: v.Name, DType: graph.Float, Shape: v.Shape}})
		if err != nil {
			t.Fatal(err)
		}
		out[v.Name] = values[0].Float32s()
	}
	return out
}

// The backbone begins with the weights of a classifier's run, and keeps what is frozen and the
// averages of batch normalization. A classifier that has seen photographs of the test scenes is
// refused.
func TestBackboneOfAClassifier(t *testing.T) {
	photos, tmp := photographs(t), t.TempDir()
	data := filepath.Join(tmp, "scenes")
	if _, err := scene.Compose(t.Context(), data, scene.ComposeOptions{Photos: photos, Options: scene.Options{Scenes: 20, Width: 64, Height: 64, Seed: 5}, OnStage: func(string) {}}); err != nil {
		t.Fatal(err)
	}
	one := run.Machine{Threads: run.Threads{Intra: 1, Inter: 1}}
	e := small(t)
	classifier := func(seed uint64, fractions [3]float64) string {
		c := experiment.Default()
		c.Architecture = tfmodel.Architecture{Name: "mine", Input: e.Detector.Input, Layers: append(append([]tfmodel.Named(nil), e.Detector.Backbone...),
			tfmodel.Named{Name: "gap", Layer: &tfmodel.GlobalAveragePool2D{}}, tfmodel.Named{Name: "fc", Layer: &tfmodel.Dense{Units: 2}})}
		c.Data.Fractions, c.Data.Groups, c.Seed, c.Training.Epochs = fractions, dataset.GroupByNearDuplicates, seed, 1
		c.Training.Batch = 4
		dir := filepath.Join(tmp, "classifier", string(rune('0'+seed)))
		if _, err := pipeline.Train(t.Context(), pipeline.TrainOptions{Data: photos, Out: dir, Experiment: c, Machine: pipeline.Machine{Threads: one.Threads}}); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	train := func(name string, e instance.Experiment) (map[string][]float32, error) {
		dir := filepath.Join(tmp, name)
		if _, err := instance.Train(t.Context(), instance.TrainOptions{Data: data, Out: dir, Experiment: e, Machine: one}); err != nil {
			return nil, err
		}
		files, err := filepath.Glob(filepath.Join(dir, "checkpoints", "best-*", "variables.index"))
		if err != nil || len(files) != 1 {
			t.Fatal(files, err)
		}
		return variables(t, strings.TrimSuffix(files[0], ".index")), nil
	}
	e.Weights = classifier(5, [3]float64{0.7, 0.15, 0.15})
	e.Detector.Tuning = &tfmodel.Tuning{Freeze: []string{"conv1"}}
	after, err := train("tuned", e)
	if err != nil {
		t.Fatal(err)
	}
	for name, was := range variables(t, filepath.Join(e.Weights, "saved_model", "variables", "variables")) {
		now, ok := after[name]
		if !ok {
			continue // of the head
		}
		difference := 0.0
		for i, v := range was {
			difference = max(difference, float64(max(v-now[i], now[i]-v)))
		}
		kept := strings.HasPrefix(name, "conv1/") || strings.Contains(name, "/moving_")
		if kept != (difference == 0) || difference > 0.1 {
			t.Errorf("%s differs by %g from the classifier's", name, difference)
		}
	}
	refused := func(want string, change func(*instance.Experiment)) {
		t.Helper()
		other := e
		change(&other)
		if _, err := train("refused", other); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	refused("--split 0.7,0.15,0.15 --group-near-duplicates --seed 5 has the same parts", func(e *instance.Experiment) { e.Weights = classifier(6, [3]float64{1, 0, 0}) })
	refused("the folder is neither a run nor a SavedModel of oscar's", func(e *instance.Experiment) { e.Weights = photos })
	refused("without a tensor", func(e *instance.Experiment) {
		e.Detector.Backbone = append([]tfmodel.Named(nil), e.Detector.Backbone...)
		e.Detector.Backbone[1].Name = "other"
		e.Detector.Tuning = nil
	})
	refused("detector.tuning is for a backbone with weights", func(e *instance.Experiment) { e.Weights = "" })
	refused(`freeze "block9*" fits no variable`, func(e *instance.Experiment) { e.Detector.Tuning = &tfmodel.Tuning{Freeze: []string{"block9*"}} })
}

// The default layer to explain is one of the backbone, of stride 8.
func TestOnAnArchitecture(t *testing.T) {
	e := instance.Default()
	if err := e.On("efficientnet_lite0"); err != nil || e.Explain != "block4a_expand_relu" || e.Check() != nil {
		t.Error(err, e.Explain, e.Check())
	}
	if err := e.On("alexnet02"); err == nil || !strings.Contains(err.Error(), "alexnet02 is no backbone: its layers do not have strides such as 4, 8 and 16") {
		t.Error(err)
	}
}
