package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"oscar/heatmap"
	"oscar/internal/atomicfile"
	"oscar/internal/events"
	"oscar/report"
)

// EpochMetrics is a line of metrics.jsonl. Training figures are means over the
// epoch's batches, in training mode and while the weights move; validation
// figures are taken after it, in inference mode.
type EpochMetrics struct {
	Epoch              int       `json:"epoch"` // from 1
	Step               int       `json:"step"`  // steps done
	Loss               float64   `json:"loss"`
	Accuracy           float64   `json:"accuracy"`
	ValidationLoss     float64   `json:"val_loss"`
	ValidationAccuracy float64   `json:"val_accuracy"`
	LearningRate       float64   `json:"learning_rate"`
	Seconds            float64   `json:"seconds"`           // of training, without validation
	ImagesPerSecond    float64   `json:"images_per_second"` // of training
	PeakMemory         int64     `json:"peak_memory_bytes"` // of the process so far; 0: unknown
	Time               time.Time `json:"time"`
}

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

// drawCurves draws the run's metrics as curves.png.
func (r *Run) drawCurves(kept int) error {
	metrics, err := r.Metrics()
	if err != nil {
		return err
	}
	epochs := make([]report.Epoch, len(metrics))
	for i, m := range metrics {
		epochs[i] = report.Epoch{Number: m.Epoch, Loss: m.Loss, Accuracy: m.Accuracy, ValidationLoss: m.ValidationLoss, ValidationAccuracy: m.ValidationAccuracy}
	}
	picture, err := report.Curves(epochs, kept)
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

// openJournal keeps the first epochs of the journal and drops the rest.
func (r *Run) openJournal(epochs int) (*journal, error) {
	all, err := r.Metrics()
	if err != nil {
		// The last line may be torn: it is beyond the checkpoint, or the
		// count below tells.
		all, err = nil, nil
		b, readErr := os.ReadFile(r.path(metricsFile))
		if readErr != nil {
			return nil, readErr
		}
		for line := range bytes.Lines(b) {
			var m EpochMetrics
			if json.Unmarshal(line, &m) != nil {
				break
			}
			all = append(all, m)
		}
	}
	if len(all) < epochs {
		return nil, fmt.Errorf("%s has %d epochs, the checkpoint %d; it was shortened", r.path(metricsFile), len(all), epochs)
	}
	j := &journal{run: r, epochs: all[:epochs]}
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
		{"loss/train", m.Loss}, {"loss/validation", m.ValidationLoss},
		{"accuracy/train", m.Accuracy}, {"accuracy/validation", m.ValidationAccuracy},
		{"learning_rate", m.LearningRate}, {"images_per_second", m.ImagesPerSecond},
	} {
		if err := j.scalars.Scalar(s.tag, int64(m.Epoch), s.value, m.Time); err != nil {
			return err
		}
	}
	return nil
}

func (j *journal) close() error { return j.scalars.Close() }
