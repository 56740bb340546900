package metric_test

import (
	"encoding/json"
	"math"
	"os"
	"reflect"
	"testing"

	"oscar/internal/agreement"
	"oscar/metric"
)

// oracle is testdata/oracle.json, which testdata/oracle.py makes.
type oracle struct {
	Classes         []string             `json:"classes"`
	Truth           []int                `json:"truth"`
	Predicted       []int                `json:"predicted"`
	Probabilities   [][]float32          `json:"probabilities"`
	Counts          [][]int              `json:"counts"`
	Accuracy        float64              `json:"accuracy"`
	PerClass        []metric.ClassScores `json:"per_class"`
	MacroF1         float64              `json:"macro_f1"`
	LogLoss         float64              `json:"log_loss"`
	ScikitLogLoss   float64              `json:"sklearn_log_loss"`
	WilsonIntervals []wilsonInterval     `json:"wilson"`
}

type wilsonInterval struct {
	Successes int     `json:"successes"`
	N         int     `json:"n"`
	Low       float64 `json:"low"`
	High      float64 `json:"high"`
}

func loadOracle(t *testing.T) oracle {
	t.Helper()
	data, err := os.ReadFile("testdata/oracle.json")
	if err != nil {
		t.Fatal(err)
	}
	var o oracle
	if err := json.Unmarshal(data, &o); err != nil {
		t.Fatal(err)
	}
	if len(o.Truth) == 0 || len(o.WilsonIntervals) == 0 {
		t.Fatal("testdata/oracle.json is empty")
	}
	return o
}

// As testdata/oracle.py says.
const scikit = "scikit-learn 1.9.1"

// agree notes a line of docs/correctness.md.
func agree(t *testing.T, what, oracle string, got, want, bound float64) {
	t.Helper()
	agreement.Check(t, agreement.Line{
		Group: agreement.Metric, Subject: what, Oracle: oracle, Compared: "value", Difference: math.Abs(got - want), Bound: bound,
	})
}

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance }

func TestAsScikitLearn(t *testing.T) {
	o := loadOracle(t)
	c := metric.NewConfusion(o.Classes)
	for i, truth := range o.Truth {
		if err := c.Add(truth, o.Predicted[i]); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(c.Counts, o.Counts) {
		t.Errorf("counts %v\nwant   %v", c.Counts, o.Counts)
	}
	agree(t, "accuracy", scikit, c.Accuracy(), o.Accuracy, 1e-15)
	agree(t, "macro F1", scikit, c.MacroF1(), o.MacroF1, 1e-12)
	for i, got := range c.PerClass() {
		want := o.PerClass[i]
		if got.Class != want.Class || got.Support != want.Support {
			t.Errorf("scores %+v\nwant   %+v", got, want)
		}
		agree(t, "precision", scikit, got.Precision, want.Precision, 1e-12)
		agree(t, "recall", scikit, got.Recall, want.Recall, 1e-12)
		agree(t, "F1", scikit, got.F1, want.F1, 1e-12)
	}
	loss, err := metric.LogLoss(o.Probabilities, o.Truth)
	if err != nil {
		t.Fatal(err)
	}
	agree(t, "log loss", "the formula, in NumPy", loss, o.LogLoss, 1e-12)
	// scikit-learn divides by the sum of each float32 row.
	agree(t, "log loss", scikit, loss, o.ScikitLogLoss, 1e-6)
}

func TestWilsonAsStatsmodels(t *testing.T) {
	for _, want := range loadOracle(t).WilsonIntervals {
		low, high := metric.Wilson95(want.Successes, want.N)
		agree(t, "Wilson interval", "statsmodels 0.15.0", low, want.Low, 1e-12)
		agree(t, "Wilson interval", "statsmodels 0.15.0", high, want.High, 1e-12)
	}
}
