package metric_test

import (
	"testing"
	"testing/quick"

	"oscar/metric"
)

func TestWilsonEdges(t *testing.T) {
	for _, test := range []struct {
		successes, n int
		low, high    float64
	}{
		{0, 0, 0, 1},
		{3, 0, 0, 1},
		{0, 10, 0, 0.27753}, // z²/(n+z²)
		{10, 10, 0.72247, 1},
		{-5, 10, 0, 0.27753},
		{15, 10, 0.72247, 1},
	} {
		low, high := metric.Wilson95(test.successes, test.n)
		if !near(low, test.low, 1e-5) || !near(high, test.high, 1e-5) {
			t.Errorf("Wilson95(%d, %d) = %v, %v, want %v, %v", test.successes, test.n, low, high, test.low, test.high)
		}
	}
}

func TestWilsonHolds(t *testing.T) {
	holds := func(a, b uint16) bool {
		successes, n := int(min(a, b)), int(max(a, b))
		if n == 0 {
			return true
		}
		low, high := metric.Wilson95(successes, n)
		mirrorLow, mirrorHigh := metric.Wilson95(n-successes, n)
		p := float64(successes) / float64(n)
		return 0 <= low && low <= p && p <= high && high <= 1 && low < high &&
			near(low, 1-mirrorHigh, 1e-12) && near(high, 1-mirrorLow, 1e-12)
	}
	if err := quick.Check(holds, nil); err != nil {
		t.Error(err)
	}
}
