package metric_test

import (
	"math"
	"testing"

	"oscar/metric"
)

// 1, 2, 3: mean 2, deviation 1; t of two degrees of freedom is 4.302653.
func TestStudentByHand(t *testing.T) {
	mean, low, high := metric.Student95([]float64{1, 2, 3})
	half := 4.302652729911275 / math.Sqrt(3)
	if mean != 2 || !near(low, 2-half, 1e-9) || !near(high, 2+half, 1e-9) {
		t.Errorf("%v, %v to %v; want 2 ± %v", mean, low, high, half)
	}
	if mean, low, high := metric.Student95([]float64{5}); mean != 5 || low == low || high == high {
		t.Errorf("of one value %v, %v to %v; want 5 and no interval", mean, low, high)
	}
	if mean, low, _ := metric.Student95(nil); mean == mean || low == low {
		t.Errorf("of no values %v, %v", mean, low)
	}
}

func TestStudentAsSciPy(t *testing.T) {
	c := loadComparisons(t)
	for _, want := range c.Means {
		mean, low, high := metric.Student95(want.Values)
		if !near(mean, want.Mean, 1e-12) || !near(low, want.Low, 1e-9) || !near(high, want.High, 1e-9) {
			t.Errorf("%v, %v to %v; want %v, %v to %v", mean, low, high, want.Mean, want.Low, want.High)
		}
	}
	for _, want := range c.Pairs {
		pooled, ok := metric.PooledSpread(want.A, want.B)
		half := metric.Half95(pooled)
		if !ok || !near(want.Difference-half, want.Pooled[0], 1e-9) || !near(want.Difference+half, want.Pooled[1], 1e-9) {
			t.Errorf("pooled %v ± %v, want %v", want.Difference, half, want.Pooled)
		}
		a, _ := metric.MeanSpread(want.A)
		b, _ := metric.MeanSpread(want.B)
		half = metric.Half95(a, b)
		if !near(want.Difference-half, want.Welch[0], 1e-9) || !near(want.Difference+half, want.Welch[1], 1e-9) {
			t.Errorf("Welch %v ± %v, want %v", want.Difference, half, want.Welch)
		}
	}
}

func TestSpreadsNeedTwoValues(t *testing.T) {
	if _, ok := metric.PooledSpread([]float64{1}, []float64{1, 2}); ok {
		t.Error("one value has a spread")
	}
	if _, ok := metric.MeanSpread([]float64{1}); ok {
		t.Error("one value has a spread")
	}
	if same, ok := metric.PooledSpread([]float64{1, 1}, []float64{2, 2}); !ok || metric.Half95(same) != 0 {
		t.Errorf("values that do not vary: %v", same)
	}
}
