package events

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"testing"
	"time"
)

// TensorBoard's own reader, as the independent one. Needs python3 and a folder
// with tensorboard==2.18.0 in it (pip install --target).
func TestTensorBoardReads(t *testing.T) {
	packages := os.Getenv("OSCAR_PYTHON_TENSORBOARD")
	if packages == "" {
		t.Skip("OSCAR_PYTHON_TENSORBOARD names no folder with tensorboard; `make test` sets it")
	}
	dir := t.TempDir()
	w := create(t, dir)
	const steps = 500
	for step := range int64(steps) {
		scalar(t, w, "loss", step, 1/float64(step+1))
		scalar(t, w, "validation/accuracy", step, float64(step)/steps)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}

	command := exec.CommandContext(t.Context(), "python3", "testdata/read_events.py", dir)
	command.Env = append(os.Environ(), "PYTHONPATH="+packages)
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		t.Fatalf("read_events.py: %v", err)
	}
	var scalars map[string][]struct {
		Step     int64   `json:"step"`
		Value    float64 `json:"value"`
		WallTime float64 `json:"wall_time"`
	}
	if err := json.Unmarshal(output, &scalars); err != nil {
		t.Fatalf("read_events.py wrote %q: %v", output, err)
	}
	want := map[string]func(step int) float64{
		"loss":                func(step int) float64 { return 1 / float64(step+1) },
		"validation/accuracy": func(step int) float64 { return float64(step) / steps },
	}
	if len(scalars) != len(want) {
		t.Errorf("%d tags, want %d", len(scalars), len(want))
	}
	for tag, value := range want {
		if len(scalars[tag]) != steps {
			t.Errorf("%s: %d values, want %d", tag, len(scalars[tag]), steps)
		}
		for i, got := range scalars[tag] {
			at := float64(start.Add(time.Duration(i)*time.Second).UnixMilli()) / 1e3
			if got.Step != int64(i) || got.Value != float64(float32(value(i))) || math.Abs(got.WallTime-at) > 1e-6 {
				t.Fatalf("%s %d: %+v, want value %v at %v", tag, i, got, value(i), at)
			}
		}
	}
}
