package instance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"oscar/instance"
	"oscar/instance/coco"
	"oscar/instance/maskrcnn"
	"oscar/instance/scene"
	"oscar/internal/checksum"
	"oscar/internal/npy"
	"oscar/internal/testkit"
	"oscar/pipeline"
	"oscar/result"
	"oscar/run"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

// small is an experiment of a second: 64 x 64 pixels, 18 steps.
func small(t *testing.T) instance.Experiment {
	t.Helper()
	e := instance.Default()
	e.Training.Epochs, e.Training.Batch, e.Training.WarmupSteps = 2, 4, 4
	conv := func(name string, stride int) []tfmodel.Named {
		return []tfmodel.Named{
			{Name: name, Layer: &tfmodel.Conv2D{Filters: 8, Kernel: 3, Stride: stride, Padding: tfmodel.Same, UseBias: new(false)}},
			{Name: "bn_" + name, Layer: &tfmodel.BatchNormalization{Momentum: 0.9}},
			{Name: "relu_" + name, Layer: &tfmodel.ReLU{}},
		}
	}
	d := &e.Detector
	d.Name, d.Input = "small", tfmodel.Shape{64, 64, 3}
	d.Backbone = []tfmodel.Named{{Name: "rescaling", Layer: &tfmodel.Rescaling{Scale: 1 / 127.5, Offset: -1}}}
	for _, name := range []string{"conv1", "conv2", "conv3"} {
		d.Backbone = append(d.Backbone, conv(name, 2)...)
	}
	d.Taps = []string{"relu_conv2", "relu_conv3"}
	d.Anchors.Sizes, d.Pyramid.Canonical, d.Pyramid.Filters = []float64{12, 24}, 32, 8
	r := &d.Regions
	r.TrainCandidates, r.TrainProposals, r.TestCandidates, r.TestProposals, r.Detections = 40, 30, 40, 20, 6
	r.DetectionScore, r.Positives, r.Negatives = 0.01, 4, 12
	e.Explain = "relu_conv2"
	return e
}

func scenes(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "scenes")
	if err := scene.Synthesize(t.Context(), dir, scene.Options{Scenes: 20, Width: 80, Height: 64, Seed: 2}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// weights are the bytes of the best epoch's variables.
func weights(t *testing.T, dir string) []byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "checkpoints", "best-*", "variables.data*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The whole job: trained, stopped and resumed to the same bits, measured, and its detections
// written and explained.
func TestJobs(t *testing.T) {
	data, tmp := scenes(t), t.TempDir()
	one := run.Machine{Threads: run.Threads{Intra: 1, Inter: 1}}
	whole, stopped := filepath.Join(tmp, "whole"), filepath.Join(tmp, "stopped")
	var epochs []instance.Epoch
	r, err := instance.Train(t.Context(), instance.TrainOptions{Data: data, Out: whole, Experiment: small(t), Machine: one, Listener: instance.Listener{
		OnEpoch: func(e instance.Epoch, _ bool) { epochs = append(epochs, e) },
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(epochs) != 2 || epochs[1].Loss >= epochs[0].Loss || epochs[1].Masks == nil || epochs[0].Positives == 0 {
		t.Errorf("epochs %+v", epochs)
	}
	e, err := r.Evaluation()
	if err != nil || e.Images != 2 || e.Objects == 0 {
		t.Fatalf("%+v %v", e, err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	steps := 0
	_, err = instance.Train(ctx, instance.TrainOptions{Data: data, Out: stopped, Experiment: small(t), Machine: one, Listener: instance.Listener{
		OnLosses: func(int, int, int, int, maskrcnn.Losses, float64, time.Duration) {
			if steps++; steps == 5 {
				cancel()
			}
		},
	}})
	if !errors.Is(err, run.ErrInterrupted) || !strings.Contains(err.Error(), "--resume "+stopped) {
		t.Fatal(err)
	}
	resumed, err := instance.Resume(t.Context(), instance.ResumeOptions{Run: stopped, Machine: one})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(weights(t, whole), weights(t, stopped)) {
		t.Error("the resumed run has other weights")
	}
	again, err := resumed.Evaluation()
	if err != nil {
		t.Fatal(err)
	}
	if again.ImagesPerSecond = e.ImagesPerSecond; !reflect.DeepEqual(again, e) {
		t.Errorf("evaluated %+v, want %+v", again, e)
	}
	if _, err := instance.Resume(t.Context(), instance.ResumeOptions{Run: stopped, Epochs: 1, Machine: one}); err == nil || !strings.Contains(err.Error(), "has 2; want more") {
		t.Errorf("fewer epochs: %v", err)
	}
	later, err := instance.Resume(t.Context(), instance.ResumeOptions{Run: stopped, Epochs: 3, Machine: one})
	if err != nil {
		t.Fatal(err)
	}
	lines, err := os.ReadFile(filepath.Join(stopped, "metrics.jsonl"))
	if err != nil || bytes.Count(lines, []byte("\n")) != 3 || later.Experiment.Training.Epochs != 3 {
		t.Errorf("not trained further: %s %v", lines, err)
	}
	if again, err = later.Evaluation(); err != nil || again.Epoch == 0 {
		t.Errorf("not evaluated again: %+v %v", again, err)
	}

	file := filepath.Join(tmp, "found.json")
	if _, err := instance.Predict(t.Context(), instance.PredictOptions{Run: whole, Paths: []string{data}, Out: file, Machine: one}); err != nil {
		t.Fatal(err)
	}
	var found struct{ Annotations []coco.Result }
	b, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(b, &found)
	}
	set, openErr := scene.Open(t.Context(), data, scene.Test)
	if err != nil || openErr != nil {
		t.Fatal(err, openErr)
	}
	scores, err := coco.Evaluate(set.Truth, found.Annotations, coco.Masks)
	if err != nil || !reflect.DeepEqual(scores, e.Masks) {
		t.Errorf("the file is worth %+v, the evaluation says %+v, %v", scores, e.Masks, err)
	}

	scored(t, whole, one)
	if err := instance.Export(t.Context(), whole, filepath.Join(tmp, "model"), one); err != nil {
		t.Error(err)
	}
	out := filepath.Join(tmp, "explained")
	if err := os.WriteFile(filepath.Join(tmp, "broken.png"), []byte("none"), 0o666); err != nil {
		t.Fatal(err)
	}
	o := instance.ExplainOptions{
		Run: whole, Paths: []string{filepath.Join(data, "images", "test"), filepath.Join(tmp, "broken.png")}, Out: out, Method: "hirescam,saliency,d-rise", Samples: 5, Least: 0.01, Machine: one,
	}
	s, err := instance.Explain(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if s.Images != 2 || s.Objects == 0 || s.Maps != 3*s.Objects || sum(s.Statuses) != s.Maps || len(s.Unreadable) != 1 {
		t.Errorf("%+v", s)
	}
	rows, err := os.ReadFile(filepath.Join(out, "manifest.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if err := checksum.Remove(out, "manifest.jsonl"); err != nil { // as after a kill at the end
		t.Fatal(err)
	}
	if repeated, err := instance.Explain(t.Context(), o); err != nil || !reflect.DeepEqual(repeated, s) {
		t.Errorf("repeated: %+v, %v, want %+v", repeated, err, s)
	}
	if err := checksum.Check(out); err != nil {
		t.Error(err)
	}
	for i, change := range []func(o *instance.ExplainOptions){
		func(o *instance.ExplainOptions) { o.Seed = 2 },
		func(o *instance.ExplainOptions) { o.Paths = o.Paths[:1] },
		func(o *instance.ExplainOptions) { o.Method = "saliency" },
	} {
		other := o
		change(&other)
		if _, err := instance.Explain(t.Context(), other); err == nil || err.Error() != out+" holds other explanations; name a new folder" {
			t.Errorf("%d: %v", i, err)
		}
	}
	for line := range bytes.Lines(rows) {
		var row instance.Row
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatal(err)
		}
		shape, _, err := npy.Read(filepath.Join(out, row.Map))
		want := []int{16, 16} // of relu_conv2
		if row.Method != "hirescam" {
			want = []int{64, 64}
		}
		if err != nil || !reflect.DeepEqual(shape, want) {
			t.Errorf("%s: %v %v", row.Map, shape, err)
		}
		if row.Control != nil && row.Control.Box != 1 || row.Heat != nil && row.Heat.Mask > row.Heat.Mask+row.Heat.Others {
			t.Errorf("%+v", row)
		}
	}
}

// scored scores the run's explanations: every object has a value of each method and control.
func scored(t *testing.T, dir string, machine run.Machine) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "scores")
	o := instance.ScoreOptions{Run: dir, Out: out, Method: "hirescam,d-rise", Samples: 4, PerClass: 1, Least: 0.01, Batch: 8, Seed: 1, Machine: machine}
	s, err := instance.Score(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, row := range s.Table.Rows {
		names = append(names, row.Method)
		for i, c := range row.Cells {
			if len(c.Values) != len(s.Objects) || c.N+c.Unjudged != len(s.Objects) || row.Control == (len(c.Versus) > 0) {
				t.Errorf("%s, %s: %+v", row.Method, s.Metrics[i], c)
			}
			for _, v := range c.Values {
				if v.OK() && !(v.Value >= 0 && v.Value <= 1) {
					t.Errorf("%s, %s: a probability of %v", row.Method, s.Metrics[i], v.Value)
				}
			}
		}
	}
	want := []string{"hirescam@relu_conv2", "d-rise", "the box itself", "the mask itself", "random-coarse", "random", "edges"}
	if len(s.Objects) == 0 || !reflect.DeepEqual(names, want) || !reflect.DeepEqual(s.Metrics, []string{"deletion", "insertion"}) {
		t.Errorf("%d objects, rows %v, metrics %v", len(s.Objects), names, s.Metrics)
	}
	if read, err := result.ReadObjectScores(out); err != nil || len(read.Table.Rows) != len(want) || !result.IsOfDetector(out, result.ScoringFile) {
		t.Error(read, err)
	}
	again, err := instance.Score(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	was, _ := json.Marshal(s)
	if is, _ := json.Marshal(again); !bytes.Equal(is, was) {
		t.Errorf("repeated: %s, want %s", is, was)
	}
	other := o
	other.PerClass = 2
	if _, err := instance.Score(t.Context(), other); err == nil || err.Error() != out+" holds other scores; name a new folder" {
		t.Error(err)
	}
	o.Out = filepath.Join(t.TempDir(), "none")
	for want, change := range map[string]func(*instance.ScoreOptions){
		"metric pointing needs masks":  func(o *instance.ScoreOptions) { o.Metrics = []string{"pointing"} },
		"no detection on 2 pictures":   func(o *instance.ScoreOptions) { o.Least = 1.1 },
		"and d-rise for detectors":     func(o *instance.ScoreOptions) { o.Method = "drize" },
		"no part \"all\"":              func(o *instance.ScoreOptions) { o.Part = "all" },
		"method lrp needs rules":       func(o *instance.ScoreOptions) { o.Method = "lrp" },
		"hirescam@relu_conv2 is named": func(o *instance.ScoreOptions) { o.Method = "hirescam,hirescam" },
	} {
		wrong := o
		change(&wrong)
		if _, err := instance.Score(t.Context(), wrong); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if _, err := os.Stat(wrong.Out); err == nil {
			t.Errorf("%q left its folder", want)
		}
	}
}

func TestRefusals(t *testing.T) {
	data, tmp := scenes(t), t.TempDir()
	e := small(t)
	for name, change := range map[string]func(*instance.Experiment){
		"no layer \"conv9\"":    func(e *instance.Experiment) { e.Explain = "conv9" },
		"taps: no layer \"x\"":  func(e *instance.Experiment) { e.Detector.Taps = []string{"x", "y"} },
		"training.batch is 0":   func(e *instance.Experiment) { e.Training.Batch = 0 },
		"half the side":         func(e *instance.Experiment) { e.Detector.Taps[1] = "relu_conv1" },
		"samples more than":     func(e *instance.Experiment) { e.Detector.Regions.Negatives = 1000 },
		"a number of regions":   func(e *instance.Experiment) { e.Detector.Regions.Detections = 0 },
		"task is \"classes\"":   func(e *instance.Experiment) { e.Task = "classes" },
		"training.flip is 2":    func(e *instance.Experiment) { e.Training.Flip = 2 },
		"box_head gives [7,7,8": func(e *instance.Experiment) { e.Detector.BoxHead = e.Detector.BoxHead[2:] },
	} {
		wrong := small(t)
		change(&wrong)
		_, err := instance.Train(t.Context(), instance.TrainOptions{Data: data, Out: filepath.Join(tmp, "x"), Experiment: wrong})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want %q", err, name)
		}
	}
	if _, err := os.Stat(filepath.Join(tmp, "x")); err == nil {
		t.Error("a refused training left its folder")
	}
	if err := e.Set("detector.pyramid.top_down=false"); err != nil || e.Detector.Pyramid.TopDown || len(e.Detector.Backbone) != 10 {
		t.Errorf("%v %+v", err, e.Detector.Pyramid)
	}
	if err := e.Set("training.epoch=3"); err == nil || !strings.Contains(err.Error(), "epochs") {
		t.Error(err)
	}
}

// What is for classifiers says so of a detector's run.
func TestClassifiersVerbs(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "experiment.json"), []byte(`{"task": "instances"}`), 0o666); err != nil {
		t.Fatal(err)
	}
	if !instance.IsRun(dir) || instance.IsRun(t.TempDir()) {
		t.Error("a run is not known by its task")
	}
	_, err := pipeline.Inspect(dir, 1, false)
	if err == nil || !strings.Contains(err.Error(), "is of a detector, and this is for classifiers") {
		t.Error(err)
	}
	explained := t.TempDir()
	testkit.Write(t, filepath.Join(explained, "explain.json"), `{"format": 1, "task": "instances"}`)
	if _, err := pipeline.Draw(t.Context(), pipeline.DrawOptions{Dir: explained}); err == nil || !strings.Contains(err.Error(), "explains objects of a detector") {
		t.Error(err)
	}
	exported := t.TempDir()
	testkit.Write(t, filepath.Join(exported, "saved_model.pb"), "")
	testkit.Write(t, filepath.Join(exported, savedmodel.MetadataFile), `{"format": 1, "experiment": {"task": "instances"}}`)
	if _, err := pipeline.Inspect(exported, 1, false); err == nil || !strings.Contains(err.Error(), "is an exported detector, and this is for classifiers") {
		t.Error(err)
	}
}

func sum(numbers map[string]int) (n int) {
	for _, v := range numbers {
		n += v
	}
	return n
}
