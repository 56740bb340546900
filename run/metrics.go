package run

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"

	"oscar/internal/checksum"
	"oscar/internal/events"
	"oscar/internal/jsonerror"
	"oscar/internal/paths"
	"oscar/result"
)

// Metrics reads metrics.jsonl, which has one line per epoch.
func (r *Run) Metrics() ([]result.EpochMetrics, error) {
	b, err := checksum.ReadFile(r.Dir, MetricsFile)
	if err != nil {
		return nil, err
	}
	var out []result.EpochMetrics
	for line := range bytes.Lines(b) {
		var m result.EpochMetrics
		if err := jsonerror.Plain(json.Unmarshal(line, &m)); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", r.Path(MetricsFile), len(out)+1, err)
		}
		out = append(out, m)
	}
	return out, nil
}

// journal writes metrics.jsonl and the event files. Both have only the epochs of the newest
// checkpoint, because a killed run repeats later ones.
type journal struct {
	run     *Run
	epochs  []result.EpochMetrics
	scalars *events.Writer
}

// journal returns the epochs of metrics.jsonl before the first damaged line, or none if the file is
// missing.
func (r *Run) journal() ([]result.EpochMetrics, error) {
	b, err := paths.ReadRecord(r.Path(MetricsFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var epochs []result.EpochMetrics
	for line := range bytes.Lines(b) {
		var m result.EpochMetrics
		if json.Unmarshal(line, &m) != nil || m.Epoch != len(epochs)+1 {
			break
		}
		epochs = append(epochs, m)
	}
	return epochs, nil
}

// openJournal rewrites the journal with the epochs.
func (r *Run) openJournal(epochs []result.EpochMetrics) (j *journal, err error) {
	j = &journal{run: r, epochs: epochs}
	if err := j.writeMetrics(); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(r.Path(eventsDir)); err != nil {
		return nil, err
	}
	if j.scalars, err = events.Create(r.Path(eventsDir), r.Environment.Started); err != nil {
		return nil, err
	}
	for _, m := range j.epochs {
		if err := j.writeEvents(m); err != nil {
			return nil, err
		}
	}
	return j, j.scalars.Flush()
}

func (j *journal) add(m result.EpochMetrics) error {
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
	text, err := encodeEpochs(j.epochs)
	if err != nil {
		return err
	}
	return checksum.Write(j.run.Dir, MetricsFile, text)
}

// encodeEpochs returns the lines of metrics.jsonl.
func encodeEpochs(epochs []result.EpochMetrics) ([]byte, error) {
	var b bytes.Buffer
	for _, m := range epochs {
		line, err := json.Marshal(m)
		if err != nil {
			return nil, err
		}
		b.Write(append(line, '\n'))
	}
	return b.Bytes(), nil
}

// sameEpochs reports whether a journal starts with the epochs.
func sameEpochs(journal, epochs []result.EpochMetrics) bool {
	if len(journal) < len(epochs) {
		return false
	}
	a, errA := encodeEpochs(journal[:len(epochs)])
	b, errB := encodeEpochs(epochs)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

func (j *journal) writeEvents(m result.EpochMetrics) error {
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

// Events returns a new event file of the run. It is ordered after the events of the epochs.
func (r *Run) Events() (*events.Writer, error) {
	return events.Create(r.Path(eventsDir), r.Environment.Started)
}

func (j *journal) close() error { return j.scalars.Close() }
