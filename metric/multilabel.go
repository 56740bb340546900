package metric

import (
	"cmp"
	"slices"
)

// AveragePrecision returns the area under the precision-recall curve of one label: the sum of the
// precisions at each distinct score, weighted by the increase of the recall there, as in
// scikit-learn's average_precision_score. It is 0 without positives.
func AveragePrecision(scores []float64, positive []bool) float64 {
	total, hits, area := 0, 0, 0.0
	for _, p := range positive {
		if p {
			total++
		}
	}
	if total == 0 {
		return 0
	}
	order := descending(scores)
	for i := 0; i < len(order); {
		first, before := i, hits
		for ; i < len(order) && scores[order[i]] == scores[order[first]]; i++ {
			if positive[order[i]] {
				hits++
			}
		}
		area += float64(hits-before) / float64(total) * float64(hits) / float64(i)
	}
	return area
}

// descending returns the indices of scores, the highest first.
func descending(scores []float64) []int {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	return order
}

// BestThreshold returns the threshold with the best F1 if scores from it on count as the label; of
// several, the highest. It lies in the middle between two scores. It is 0.5 without positives.
func BestThreshold(scores []float64, positive []bool) float64 {
	total := 0
	for _, p := range positive {
		if p {
			total++
		}
	}
	if total == 0 {
		return 0.5
	}
	order := descending(scores)
	best, threshold, hits := -1.0, 0.5, 0
	for i := 0; i < len(order); {
		at := scores[order[i]]
		for ; i < len(order) && scores[order[i]] == at; i++ {
			if positive[order[i]] {
				hits++
			}
		}
		if f1 := ratio(2*hits, i+total); f1 > best {
			best, threshold = f1, at
			if i < len(order) {
				threshold = (at + scores[order[i]]) / 2
			} else {
				threshold = at / 2
			}
		}
	}
	return threshold
}

// MultiLabel counts predictions with several labels per image.
type MultiLabel struct {
	Classes []string
	Images  int
	Exact   int   // number of images with all labels right
	Hits    []int // per label: images that have it and for which it is predicted
	Has     []int // per label: images that have it
	Said    []int // per label: images for which it is predicted
}

// NewMultiLabel returns counts of zero.
func NewMultiLabel(classes []string) *MultiLabel {
	n := len(classes)
	return &MultiLabel{Classes: classes, Hits: make([]int, n), Has: make([]int, n), Said: make([]int, n)}
}

// Add counts an image. has and said tell for each label whether the image has it, and whether it is
// predicted.
func (m *MultiLabel) Add(has, said []bool) {
	m.Images++
	exact := 1
	for c := range m.Classes {
		if has[c] {
			m.Has[c]++
		}
		if said[c] {
			m.Said[c]++
		}
		if has[c] && said[c] {
			m.Hits[c]++
		}
		if has[c] != said[c] {
			exact = 0
		}
	}
	m.Exact += exact
}

// PerClass returns the scores of every label. 0/0 counts as 0, as in scikit-learn with
// zero_division=0.
func (m *MultiLabel) PerClass() []ClassScores {
	out := make([]ClassScores, len(m.Classes))
	for c, name := range m.Classes {
		out[c] = ClassScores{
			Class: name, Precision: ratio(m.Hits[c], m.Said[c]), Recall: ratio(m.Hits[c], m.Has[c]),
			F1: ratio(2*m.Hits[c], m.Said[c]+m.Has[c]), Support: m.Has[c],
		}
	}
	return out
}

// MacroF1 returns the mean F1 over all labels.
func (m *MultiLabel) MacroF1() float64 {
	sum := 0.0
	for _, s := range m.PerClass() {
		sum += s.F1
	}
	return sum / float64(max(len(m.Classes), 1))
}

// MicroF1 returns the F1 of all decisions together.
func (m *MultiLabel) MicroF1() float64 {
	hits, all := 0, 0
	for c := range m.Classes {
		hits, all = hits+m.Hits[c], all+m.Has[c]+m.Said[c]
	}
	return ratio(2*hits, all)
}
