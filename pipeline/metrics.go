package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"

	"oscar/heatmap"
	"oscar/internal/atomicfile"
	"oscar/internal/events"
	"oscar/report/page"
	"oscar/result"
)

// EpochMetrics is a line of metrics.jsonl.
type EpochMetrics = result.EpochMetrics

// Measure is a number that may be NaN: null in JSON.
type Measure = result.Number

// Unmeasured is the Measure of nothing.
var Unmeasured = Measure(math.NaN())

// Metrics reads the run's metrics, a line an epoch.
func (r *Run) Metrics() ([]EpochMetrics, error) {
	b, err := os.ReadFile(r.path(metricsFile))
	if err != nil {
		return nil, err
	}
	var out []EpochMetrics
	for line := range bytes.Lines(b) {
		var m EpochMetrics
		if err := json.Unmarshal(line, &m); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", r.path(metricsFile), len(out)+1, err)
		}
		out = append(out, m)
	}
	return out, nil
}

// drawCurves draws the run's metrics as curves.png; without a validation part
// there is nothing to compare.
func (r *Run) drawCurves(kept int) error {
	metrics, err := r.Metrics()
	if err != nil || len(r.Split.Validation) == 0 {
		return err
	}
	epochs := make([]page.Epoch, len(metrics))
	for i, m := range metrics {
		epochs[i] = page.Epoch{Number: m.Epoch, Loss: m.Loss, Accuracy: m.Accuracy, ValidationLoss: float64(m.ValidationLoss), ValidationAccuracy: float64(m.ValidationAccuracy)}
	}
	picture, err := page.Curves(epochs, kept)
	if err != nil {
		return err
	}
	return heatmap.WritePNG(r.path(curvesFile), picture)
}

// journal writes metrics.jsonl and the event files. Both hold just the epochs
// that the checkpoint knows: what a killed run wrote beyond is done again.
type journal struct {
	run     *Run
	epochs  []EpochMetrics
	scalars *events.Writer
}

// readJournal returns the epochs of metrics.jsonl up to a line that is torn.
func (r *Run) readJournal() ([]EpochMetrics, error) {
	b, err := os.ReadFile(r.path(metricsFile))
	if err != nil {
		return nil, err
	}
	var epochs []EpochMetrics
	for line := range bytes.Lines(b) {
		var m EpochMetrics
		if json.Unmarshal(line, &m) != nil || m.Epoch != len(epochs)+1 {
			break
		}
		epochs = append(epochs, m)
	}
	return epochs, nil
}

// openJournal begins the journal anew with those epochs.
func (r *Run) openJournal(epochs []EpochMetrics) (j *journal, err error) {
	j = &journal{run: r, epochs: epochs}
	if err := j.writeMetrics(); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(r.path(eventsDir)); err != nil {
		return nil, err
	}
	if j.scalars, err = events.Create(r.path(eventsDir), r.Environment.Started); err != nil {
		return nil, err
	}
	for _, m := range j.epochs {
		if err := j.writeEvents(m); err != nil {
			return nil, err
		}
	}
	return j, j.scalars.Flush()
}

func (j *journal) add(m EpochMetrics) error {
	j.epochs = append(j.epochs, m)
	if err := j.writeMetrics(); err != nil {
		return err
	}
	if err := j.writeEvents(m); err != nil {
		return err
	}
	return j.scalars.Flush()
}

func (j *journal) writeMetrics() error {
	var b bytes.Buffer
	for _, m := range j.epochs {
		line, err := json.Marshal(m)
		if err != nil {
			return err
		}
		b.Write(append(line, '\n'))
	}
	return atomicfile.Write(j.run.path(metricsFile), b.Bytes())
}

func (j *journal) writeEvents(m EpochMetrics) error {
	for _, s := range []struct {
		tag   string
		value float64
	}{
		{"loss/train", m.Loss}, {"loss/validation", float64(m.ValidationLoss)},
		{"accuracy/train", m.Accuracy}, {"accuracy/validation", float64(m.ValidationAccuracy)},
		{"learning_rate", m.LearningRate}, {"images_per_second", m.ImagesPerSecond},
	} {
		if math.IsNaN(s.value) {
			continue
		}
		if err := j.scalars.Scalar(s.tag, int64(m.Epoch), s.value, m.Time); err != nil {
			return err
		}
	}
	return nil
}

func (j *journal) close() error { return j.scalars.Close() }
