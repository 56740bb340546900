package metric_test

import (
	"encoding/json"
	"math"
	"os"
	"reflect"
	"testing"

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
	if got := c.Accuracy(); !near(got, o.Accuracy, 1e-15) {
		t.Errorf("accuracy %v, want %v", got, o.Accuracy)
	}
	if got := c.MacroF1(); !near(got, o.MacroF1, 1e-12) {
		t.Errorf("macro F1 %v, want %v", got, o.MacroF1)
	}
	for i, got := range c.PerClass() {
		want := o.PerClass[i]
		if got.Class != want.Class || got.Support != want.Support || !near(got.Precision, want.Precision, 1e-12) ||
			!near(got.Recall, want.Recall, 1e-12) || !near(got.F1, want.F1, 1e-12) {
			t.Errorf("scores %+v\nwant   %+v", got, want)
		}
	}
	loss, err := metric.LogLoss(o.Probabilities, o.Truth)
	if err != nil || !near(loss, o.LogLoss, 1e-12) {
		t.Errorf("log loss %v, %v; want %v", loss, err, o.LogLoss)
	}
	// scikit-learn divides by the sum of each float32 row.
	if !near(loss, o.ScikitLogLoss, 1e-6) {
		t.Errorf("log loss %v, scikit-learn's %v", loss, o.ScikitLogLoss)
	}
}

func TestWilsonAsStatsmodels(t *testing.T) {
	for _, want := range loadOracle(t).WilsonIntervals {
		low, high := metric.Wilson95(want.Successes, want.N)
		if !near(low, want.Low, 1e-12) || !near(high, want.High, 1e-12) {
			t.Errorf("Wilson95(%d, %d) = %v, %v, want %v, %v", want.Successes, want.N, low, high, want.Low, want.High)
		}
	}
}
