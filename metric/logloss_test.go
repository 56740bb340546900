package metric_test

import (
	"math"
	"testing"

	"oscar/metric"
)

func TestLogLossByHand(t *testing.T) {
	got, err := metric.LogLoss([][]float32{{0.5, 0.5}, {0.25, 0.75}}, []int{0, 0})
	if want := (math.Ln2 + 2*math.Ln2) / 2; err != nil || !near(got, want, 1e-12) {
		t.Errorf("LogLoss = %v, %v; want (ln 2 + ln 4)/2 = %v", got, err, want)
	}
	if got, err := metric.LogLoss(nil, nil); got != 0 || err != nil {
		t.Errorf("LogLoss of nothing = %v, %v", got, err)
	}
}

func TestCrossEntropyIsClipped(t *testing.T) {
	for _, test := range []struct {
		p    float32
		want float64
	}{
		{0, -math.Log(1e-7)}, // 16.118
		{-1, -math.Log(1e-7)},
		{1, -math.Log(1 - 1e-7)},
		{2, -math.Log(1 - 1e-7)},
		{0.125, 3 * math.Ln2},
	} {
		if got, err := metric.CrossEntropy([]float32{test.p}, 0); err != nil || !near(got, test.want, 1e-12) {
			t.Errorf("CrossEntropy of p = %v: %v, %v; want %v", test.p, got, err, test.want)
		}
	}
}

func TestLogLossRefuses(t *testing.T) {
	nan := float32(math.NaN())
	for _, test := range []struct {
		probabilities [][]float32
		truth         []int
		want          string
	}{
		{[][]float32{{1}}, []int{0, 0}, "log loss: 1 predictions for 2 true classes; want one each"},
		{[][]float32{{1, 0}}, []int{2}, "image 0: log loss: no class 2; have 0 to 1"},
		{[][]float32{{1, 0}}, []int{-1}, "image 0: log loss: no class -1; have 0 to 1"},
		{[][]float32{{1, 0}, {nan, 0}}, []int{0, 0}, "image 1: log loss: the probability of class 0 is not a number"},
	} {
		if _, err := metric.LogLoss(test.probabilities, test.truth); err == nil || err.Error() != test.want {
			t.Errorf("error %v\nwant  %s", err, test.want)
		}
	}
}
