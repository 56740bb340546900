package metric

import (
	"cmp"
	"fmt"
	"slices"

	"oscar/internal/numeric"
)

// LabelIssue is an image whose label is probably wrong.
type LabelIssue struct {
	Index               int     // of the image
	Given               int     // its label
	Confidence          float64 // the probability of the label, 0 to 1
	Suggested           int     // the most probable class, which is not the label
	SuggestedConfidence float64 // its probability, at least Confidence
}

// ConfidentJoint is the result of [ConfidentLearning].
type ConfidentJoint struct {
	// Thresholds are the mean probability of a class over the images with that label;
	// NaN for a class without images.
	Thresholds []float64
	// Counts has a row for each label and a column for each class that images of the
	// label confidently belong to.
	Counts [][]int
	// Issues are the images outside the diagonal of Counts whose label is not the most
	// probable class, the least probable label first. The suggested class is the most probable
	// one, as in cleanlab, and not always the column in Counts.
	Issues []LabelIssue
}

// ConfidentLearning finds probable label errors (Northcutt, Jiang and Chuang 2021,
// JAIR 70:1373). With t[j] the mean of p[j] over the images labeled j, an image
// labeled i is counted at (i, j) if j is the most probable class among those with
// p[j] >= t[j]. probabilities has one row per image, one column per class; the model
// must not have been trained on the images, or it repeats their labels.
func ConfidentLearning(probabilities [][]float32, labels []int) (*ConfidentJoint, error) {
	if len(probabilities) != len(labels) {
		return nil, fmt.Errorf("confident learning: %d predictions for %d labels; want one each", len(probabilities), len(labels))
	}
	if len(labels) == 0 {
		return &ConfidentJoint{}, nil
	}
	classes := len(probabilities[0])
	c := &ConfidentJoint{Thresholds: make([]float64, classes), Counts: make([][]int, classes)}
	support := make([]int, classes)
	for i, row := range probabilities {
		if len(row) != classes || labels[i] < 0 || labels[i] >= classes {
			return nil, fmt.Errorf("confident learning: image %d has label %d and %d probabilities; want %d classes", i, labels[i], len(row), classes)
		}
		c.Thresholds[labels[i]] += float64(row[labels[i]])
		support[labels[i]]++
	}
	for j := range c.Thresholds {
		c.Thresholds[j] /= float64(support[j])
		c.Counts[j] = make([]int, classes)
	}
	const rounding = 1e-6
	for i, row := range probabilities {
		sure := -1
		for j, p := range row {
			if float64(p) >= c.Thresholds[j]-rounding && (sure < 0 || p > row[sure]) {
				sure = j
			}
		}
		given := labels[i]
		if sure < 0 {
			continue
		}
		c.Counts[given][sure]++
		if best := numeric.ArgMax(row); sure != given && best != given {
			c.Issues = append(c.Issues, LabelIssue{i, given, float64(row[given]), best, float64(row[best])})
		}
	}
	slices.SortStableFunc(c.Issues, func(a, b LabelIssue) int { return cmp.Compare(a.Confidence, b.Confidence) })
	return c, nil
}
