package metric

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// scikit-learn's numbers, in testdata/roc.py.
func TestROCAsScikitLearn(t *testing.T) {
	b, err := os.ReadFile("testdata/roc.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases map[string]struct {
			Truth  []int
			Scores [][]float64
			Curves []struct {
				False, True, Thresholds []float64
				AUC                     float64
			}
			Macro float64
		}
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) != 3 {
		t.Fatalf("%d cases", len(file.Cases))
	}
	for name, test := range file.Cases {
		t.Run(name, func(t *testing.T) {
			same := func(what string, class int, got, want []float64) {
				t.Helper()
				if len(got) != len(want) {
					t.Fatalf("class %d has %d %s, scikit-learn %d", class, len(got), what, len(want))
				}
				for i := range got {
					if !(math.Abs(got[i]-want[i]) < 1e-12) {
						t.Errorf("class %d: number %d of %s is %v, scikit-learn has %v", class, i, what, got[i], want[i])
					}
				}
			}
			macro := 0.0
			for c, want := range test.Curves {
				var scores []float64
				var positive []bool
				for i, row := range test.Scores {
					scores, positive = append(scores, row[c]), append(positive, test.Truth[i] == c)
				}
				got := NewROC(scores, positive)
				if !math.IsInf(got.Thresholds[0], 1) {
					t.Errorf("class %d begins at %v", c, got.Thresholds[0])
				}
				same("thresholds", c, got.Thresholds[1:], want.Thresholds)
				same("false positives", c, got.FalsePositive, want.False)
				same("true positives", c, got.TruePositive, want.True)
				same("areas", c, []float64{got.AUC}, []float64{want.AUC})
				macro += got.AUC / float64(len(test.Curves))
			}
			same("mean areas", -1, []float64{macro}, []float64{test.Macro})
		})
	}
}

// Without a positive, without a negative and without an image there is no curve.
func TestNoROC(t *testing.T) {
	for _, positive := range [][]bool{nil, {true, true}, {false, false}} {
		if c := NewROC(make([]float64, len(positive)), positive); !math.IsNaN(c.AUC) || c.Thresholds != nil {
			t.Errorf("%v has the curve %+v", positive, c)
		}
	}
}
