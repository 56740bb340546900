package pipeline

import (
	"oscar/result"

	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TensorBoard's own reader finds the metrics in the events of a run that was
// interrupted once: each epoch once.
func TestTensorBoardReadsEvents(t *testing.T) {
	packages := os.Getenv("OSCAR_PYTHON_TENSORBOARD")
	if packages == "" {
		t.Skip("OSCAR_PYTHON_TENSORBOARD names no folder with tensorboard; `make test` sets it")
	}
	python := os.Getenv("OSCAR_PYTHON")
	if python == "" {
		python = "python3"
	}
	dir := interrupt(t, TrainOptions{Experiment: tiny()}, 30)
	resume(t, dir, Listener{})
	cmd := exec.CommandContext(t.Context(), python, "../internal/events/testdata/read_events.py", filepath.Join(dir, "events"))
	cmd.Env = append(os.Environ(), "PYTHONPATH="+packages)
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
