package run

import (
	"context"
	"fmt"

	"oscar/internal/numeric"
	"oscar/result"
)

// The weights that an epoch's validation metrics are measured with.
const (
	averageWeights = "average"
	trainedWeights = "trained"
)

// validate measures the validation part. If there are moving averages of the weights, it also
// measures with these and keeps the better metrics.
func (f *fitting) validate(ctx context.Context, m *result.EpochMetrics) error {
	trained, skipped, err := f.measure(ctx)
	if err != nil {
		return err
	}
	m.Unreadable += skipped
	used, other := trained, result.EpochMetrics{}
	if f.trainer.Averages() {
		var average result.EpochMetrics
		err := f.trainer.WithAverages(ctx, func() error {
			average, _, err = f.measure(ctx)
			return err
		})
		if err != nil {
			return err
		}
		m.Weights, other = trainedWeights, average
		if len(f.run.Split.Validation) == 0 || f.run.Experiment.Training.Select.Better(average, trained) {
			m.Weights, used, other = averageWeights, average, trained
		}
		m.OtherValidationLoss, m.OtherValidationAccuracy = other.ValidationLoss, other.ValidationAccuracy
	}
	m.ValidationLoss, m.ValidationAccuracy = used.ValidationLoss, used.ValidationAccuracy
	m.ValidationAveragePrecision, m.Thresholds = used.ValidationAveragePrecision, used.Thresholds
	return nil
}

// measure returns the metrics of the validation part, and the number of its unreadable images.
func (f *fitting) measure(ctx context.Context) (m result.EpochMetrics, skipped int, err error) {
	items := f.run.Split.Validation
	if len(items) == 0 {
		return result.EpochMetrics{ValidationAccuracy: result.Unmeasured, ValidationLoss: result.Unmeasured}, 0, nil
	}
	var loss float64
	correct, seen := 0, 0
	size := f.run.Experiment.Training.Batch
	batches := f.ofImages(f.loader.Batches(ctx, items, nil, size))
	if f.features != nil {
		batches = f.features.batches(items, nil, size, f.run.Split, &f.skipped)
	}
	labels := newLabelMetrics(f.run.Split)
	for b, err := range batches {
		if err != nil {
			return m, 0, err
		}
		probabilities, losses, err := f.trainer.Evaluate(ctx, b)
		if err != nil {
			return m, 0, err
		}
		for i, p := range probabilities {
			loss += float64(losses[i])
			if labels != nil {
				correct += labels.add(p, b.Targets[i*len(p):][:len(p)])
			} else if numeric.ArgMax(p) == b.Labels[i] {
				correct++
			}
		}
		seen += b.N
	}
	skipped, f.skipped = f.skipped, 0
	if seen == 0 {
		return m, 0, fmt.Errorf("none of the %d images to validate with in %s can be read", len(items), f.run.Images())
	}
	m.ValidationLoss = result.Number(loss / float64(seen))
	m.ValidationAccuracy = result.Number(float64(correct) / float64(seen*f.decisions()))
	labels.conclude(&m)
	return m, skipped, nil
}
