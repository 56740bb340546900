package metric

import (
	"fmt"
	"math"
)

// clip is Keras's epsilon, which keeps the logarithm finite.
const clip = 1e-7

// LogLoss returns the cross-entropy of predictions in nats, 0 or more: the mean of -ln p[truth] over
// the images. probabilities has one row per image and one column per class. They are clipped to 1e-7
// .. 1-1e-7 as in Keras, so that one image adds at most 16.12. To combine batches, sum
// [CrossEntropy]. It is 0 without images.
func LogLoss(probabilities [][]float32, truth []int) (float64, error) {
	if len(probabilities) != len(truth) {
		return 0, fmt.Errorf("log loss: %d predictions for %d true classes; want one each", len(probabilities), len(truth))
	}
	if len(truth) == 0 {
		return 0, nil
	}
	sum := 0.0
	for i, row := range probabilities {
		loss, err := CrossEntropy(row, truth[i])
		if err != nil {
			return 0, fmt.Errorf("image %d: %w", i, err)
		}
		sum += loss
	}
	return sum / float64(len(truth)), nil
}

// CrossEntropy returns the [LogLoss] of one image.
func CrossEntropy(probabilities []float32, truth int) (float64, error) {
	if truth < 0 || truth >= len(probabilities) {
		return 0, fmt.Errorf("log loss: no class %d; have 0 to %d", truth, len(probabilities)-1)
	}
	p := float64(probabilities[truth])
	if math.IsNaN(p) {
		return 0, fmt.Errorf("log loss: the probability of class %d is not a number", truth)
	}
	return -math.Log(min(max(p, clip), 1-clip)), nil
}
