package metric

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// scikit-learn's numbers, in testdata/multilabel.py: labels that no image has, that all
// have, that are never predicted, and many equal scores.
func TestMultiLabelAsScikitLearn(t *testing.T) {
	b, err := os.ReadFile("testdata/multilabel.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Classes           []string
		Truth, Said       [][]int
		Scores            [][]float64
		AveragePrecision  []float64 `json:"average_precision"`
		Mean              float64   `json:"mean_average_precision"`
		Precision, Recall []float64
		F1                []float64
		Support           []int
		MacroF1           float64 `json:"macro_f1"`
		MicroF1           float64 `json:"micro_f1"`
		Exact             float64
		BestF1            []float64 `json:"best_f1"`
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	near := func(name string, got, want float64) {
		t.Helper()
		if !(math.Abs(got-want) < 1e-12) {
			t.Errorf("%s is %v, scikit-learn has %v", name, got, want)
		}
	}
	m := NewMultiLabel(want.Classes)
	n := len(want.Classes)
	scores, present := make([][]float64, n), make([][]bool, n)
	for i, row := range want.Truth {
		has, said := make([]bool, n), make([]bool, n)
		for c := range n {
			has[c], said[c] = row[c] == 1, want.Said[i][c] == 1
			scores[c], present[c] = append(scores[c], want.Scores[i][c]), append(present[c], has[c])
		}
		m.Add(has, said)
	}
	mean := 0.0
	for c, s := range m.PerClass() {
		ap := AveragePrecision(scores[c], present[c])
		mean += ap / float64(n)
		near("average precision of "+s.Class, ap, want.AveragePrecision[c])
		near("precision of "+s.Class, s.Precision, want.Precision[c])
		near("recall of "+s.Class, s.Recall, want.Recall[c])
		near("F1 of "+s.Class, s.F1, want.F1[c])
		if s.Support != want.Support[c] {
			t.Errorf("support of %s is %d, want %d", s.Class, s.Support, want.Support[c])
		}
		// From the best threshold on, F1 is the best of the precision-recall curve.
		hits, positive := 0, 0
		threshold := BestThreshold(scores[c], present[c])
		for i, v := range scores[c] {
			if v >= threshold {
				positive++
				if present[c][i] {
					hits++
				}
			}
		}
		if want.Support[c] == 0 {
			near("threshold of "+s.Class, threshold, 0.5)
		} else {
			near("best F1 of "+s.Class, ratio(2*hits, positive+want.Support[c]), want.BestF1[c])
		}
	}
	near("mean average precision", mean, want.Mean)
	near("macro F1", m.MacroF1(), want.MacroF1)
	near("micro F1", m.MicroF1(), want.MicroF1)
	near("exact matches", float64(m.Exact)/float64(m.Images), want.Exact)
}
