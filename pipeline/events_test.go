package pipeline

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oscar/internal/testkit"
	"oscar/result"
)

// TensorBoard's own reader finds the metrics in the events of a run that was
// interrupted once: each epoch once.
func TestTensorBoardReadsEvents(t *testing.T) {
	packages := os.Getenv("OSCAR_PYTHON_TENSORBOARD")
	if packages == "" {
		t.Skip("OSCAR_PYTHON_TENSORBOARD names no folder with tensorboard; `make test` sets it")
	}
	dir := interrupt(t, TrainOptions{Experiment: tiny()}, 30)
	resume(t, dir, Listener{})
	cmd := testkit.Python(t.Context(), packages, "../internal/events/testdata/read_events.py", filepath.Join(dir, "events"))
	cmd.Stderr = os.Stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var scalars map[string][]struct {
		Step     int     `json:"step"`
		Value    float32 `json:"value"`
		WallTime float64 `json:"wall_time"`
	}
	if err := json.Unmarshal(output, &scalars); err != nil {
		t.Fatal(err)
	}
	run, err := OpenRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := run.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	for tag, value := range map[string]func(result.EpochMetrics) float64{
		"loss/train":          func(m result.EpochMetrics) float64 { return m.Loss },
		"accuracy/train":      func(m result.EpochMetrics) float64 { return m.Accuracy },
		"loss/validation":     func(m result.EpochMetrics) float64 { return float64(m.ValidationLoss) },
		"accuracy/validation": func(m result.EpochMetrics) float64 { return float64(m.ValidationAccuracy) },
		"learning_rate":       func(m result.EpochMetrics) float64 { return m.LearningRate },
		"images_per_second":   func(m result.EpochMetrics) float64 { return m.ImagesPerSecond },
	} {
		if len(scalars[tag]) != len(metrics) {
			t.Errorf("%s: %d values for %d epochs", tag, len(scalars[tag]), len(metrics))
			continue
		}
		for i, m := range metrics {
			got := scalars[tag][i]
			if got.Step != m.Epoch || got.Value != float32(value(m)) || math.Abs(got.WallTime-float64(m.Time.UnixMilli())/1e3) > 1e-3 {
				t.Errorf("%s: %+v, want %g at %d, %v", tag, got, value(m), m.Epoch, m.Time)
			}
		}
	}
}

// The end of a training adds what TensorBoard shows besides curves.
func TestTensorBoardReadsTheRest(t *testing.T) {
	packages := os.Getenv("OSCAR_PYTHON_TENSORBOARD")
	if packages == "" {
		t.Skip("OSCAR_PYTHON_TENSORBOARD names no folder with tensorboard; `make test` sets it")
	}
	run := finishedRun(t)
	if err := Showcase(t.Context(), run, oneThread, Listener{}); err != nil {
		t.Fatal(err)
	}
	cmd := testkit.Python(t.Context(), packages, "../internal/events/testdata/read_values.py", filepath.Join(run.Dir, "events"))
	cmd.Stderr = os.Stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Images     map[string][]any
		Histograms map[string][]float64
		Texts      map[string]string
		Settings   map[string]any
		Metrics    []string
	}
	if err := json.Unmarshal(output, &got); err != nil {
		t.Fatal(err)
	}
	if got.Images["confusion/test"] == nil || len(got.Images) != 7 { // and a map of each test image
		t.Errorf("images %v", got.Images)
	}
	if h := got.Histograms["weights/conv1/kernel"]; len(h) != 7 || h[2] != 5*5*3*8 {
		t.Errorf("histograms %v", got.Histograms)
	}
	if !strings.Contains(got.Texts["experiment"], `"name": "tiny"`) {
		t.Errorf("texts %v", got.Texts)
	}
	if got.Settings["learning_rate"] != 1e-3 || got.Settings["architecture"] != "tiny" || got.Settings["schedule.kind"] != "constant" {
		t.Errorf("settings %v", got.Settings)
	}
	if strings.Join(got.Metrics, " ") != "accuracy/validation loss/validation accuracy/test loss/test" {
		t.Errorf("metrics %v", got.Metrics)
	}
}
