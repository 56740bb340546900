package run

import (
	"oscar/dataset"
	"oscar/experiment"
	"oscar/metric"
	"oscar/result"
)

// targets returns [N,classes]: 1 for each label of the items and 0 for the others. It returns nil if
// images have one class each.
func targets(items []dataset.Item, s *dataset.Split) []float32 {
	if !s.MultiLabel {
		return nil
	}
	classes := len(s.Classes)
	out := make([]float32, len(items)*classes)
	for i, item := range items {
		for _, class := range item.Labels {
			out[i*classes+class] = 1
		}
	}
	return out
}

// mixed returns the targets of mixed images. own are the images' own targets. It returns nil if
// images have one class each.
func mixed(own []float32, b *dataset.Batch) []float32 {
	if own == nil {
		return nil
	}
	out, classes := make([]float32, len(own)), len(own)/b.N
	for i, partner := range b.Partners {
		for c := range classes {
			out[i*classes+c] = b.Shares[i]*own[i*classes+c] + (1-b.Shares[i])*own[partner*classes+c]
		}
	}
	return out
}

// decisions returns the number of decisions per image: one per label, or one if images have one
// class each.
func (f *fitting) decisions() int {
	if f.run.Split.MultiLabel {
		return len(f.run.Split.Classes)
	}
	return 1
}

// PositiveWeights returns the loss factor of each label for images that have it, with several labels
// per image. It returns nil if all are 1. A balanced factor is the number of training images without
// the label divided by the number with it.
func PositiveWeights(c experiment.ClassWeight, s *dataset.Split) ([]float32, error) {
	if !s.MultiLabel || c.IsZero() {
		return nil, nil
	}
	images := make([]int, len(s.Classes))
	for _, item := range s.Train {
		for _, class := range item.Labels {
			images[class]++
		}
	}
	factors, err := c.Weights(s.Classes, images)
	if err != nil {
		return nil, err
	}
	out := make([]float32, len(factors))
	for i, factor := range factors {
		out[i] = float32(factor)
		if with := images[i]; c.Balanced {
			out[i] = float32(max(len(s.Train)-with, 1)) / float32(max(with, 1))
		}
	}
	return out, nil
}

// labelMetrics has the labels' probabilities and targets. It is nil if images have one class each.
type labelMetrics struct {
	scores  [][]float64
	present [][]bool
}

func newLabelMetrics(s *dataset.Split) *labelMetrics {
	if !s.MultiLabel {
		return nil
	}
	return &labelMetrics{make([][]float64, len(s.Classes)), make([][]bool, len(s.Classes))}
}

// add adds an image. It returns the number of correct decisions at the threshold 0.5.
func (l *labelMetrics) add(probabilities, targets []float32) (right int) {
	for c, p := range probabilities {
		has := targets[c] > 0.5
		l.scores[c], l.present[c] = append(l.scores[c], float64(p)), append(l.present[c], has)
		if (p > 0.5) == has {
			right++
		}
	}
	return right
}

// conclude sets the metrics of an epoch.
func (l *labelMetrics) conclude(m *result.EpochMetrics) {
	if l == nil {
		return
	}
	sum := 0.0
	for c, scores := range l.scores {
		sum += metric.AveragePrecision(scores, l.present[c])
		m.Thresholds = append(m.Thresholds, metric.BestThreshold(scores, l.present[c]))
	}
	mean := result.Number(sum / float64(len(l.scores)))
	m.ValidationAveragePrecision = &mean
}
