package metric_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"oscar/metric"
)

// comparisons is testdata/compare.json, which testdata/compare.py makes.
type comparisons struct {
	McNemar []struct {
		OnlyA int     `json:"only_a"`
		OnlyB int     `json:"only_b"`
		P     float64 `json:"p"`
	} `json:"mcnemar"`
	Means []struct {
		Values          []float64
		Mean, Low, High float64
	} `json:"means"`
	Pairs []struct {
		A, B       []float64
		Difference float64
		Pooled     [2]float64
		Welch      [2]float64
	} `json:"pairs"`
}

func loadComparisons(t *testing.T) comparisons {
	t.Helper()
	data, err := os.ReadFile("testdata/compare.json")
	if err != nil {
		t.Fatal(err)
	}
	var c comparisons
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	if len(c.McNemar) == 0 || len(c.Means) == 0 || len(c.Pairs) == 0 {
		t.Fatal("testdata/compare.json is empty")
	}
	return c
}

// Three images that only A gets right, one that only B does: of 16 ways that
// four coins fall, 1 + 4 have one head at the most; twice that is 10/16.
func TestMcNemarByHand(t *testing.T) {
	for _, test := range []struct {
		a, b int
		want float64
	}{{3, 1, 0.625}, {1, 3, 0.625}, {2, 2, 1}, {0, 0, 1}, {0, 1, 1}, {0, 6, 2. / 64}, {-1, 6, 2. / 64}} {
		if got := metric.McNemar(test.a, test.b); !near(got, test.want, 1e-12) {
			t.Errorf("McNemar(%d, %d) = %v, want %v", test.a, test.b, got, test.want)
		}
	}
}

func TestMcNemarAsStatsmodels(t *testing.T) {
	for _, want := range loadComparisons(t).McNemar {
		got := metric.McNemar(want.OnlyA, want.OnlyB)
		// SciPy's own tails have some ten digits.
		if math.Abs(got-want.P) > 1e-9*want.P {
			t.Errorf("McNemar(%d, %d) = %v, want %v", want.OnlyA, want.OnlyB, got, want.P)
		}
	}
}
