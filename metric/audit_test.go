package metric_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"oscar/metric"
)

// auditOracle is testdata/audit.json, which testdata/audit.py makes.
type auditOracle struct {
	Labels        []int       `json:"labels"`
	Truth         []int       `json:"truth"`
	Probabilities [][]float32 `json:"probabilities"`
	Thresholds    []float64   `json:"thresholds"`
	Joint         [][]int     `json:"joint"`
	Issues        []int       `json:"issues"`
	Logits        [][]float32 `json:"logits"`
	Temperature   float64     `json:"temperature"`
	Before        float64     `json:"before"`
	After         float64     `json:"after"`
}

func loadAudit(t *testing.T) (o auditOracle) {
	t.Helper()
	data, err := os.ReadFile("testdata/audit.json")
	if err == nil {
		err = json.Unmarshal(data, &o)
	}
	if err != nil || len(o.Issues) == 0 {
		t.Fatalf("testdata/audit.json: %d issues, %v", len(o.Issues), err)
	}
	return o
}

func TestConfidentLearningAsCleanlab(t *testing.T) {
	o := loadAudit(t)
	c, err := metric.ConfidentLearning(o.Probabilities, o.Labels)
	if err != nil {
		t.Fatal(err)
	}
	for j, want := range o.Thresholds {
		agree(t, "confident learning, threshold", "cleanlab 2.9.0", c.Thresholds[j], want, 1e-6)
	}
	for i, row := range o.Joint {
		if !slices.Equal(c.Counts[i], row) {
			t.Errorf("label %d: counts %v, cleanlab %v", i, c.Counts[i], row)
		}
	}
	var got []int
	for _, issue := range c.Issues {
		got = append(got, issue.Index)
		if issue.Given != o.Labels[issue.Index] || issue.Suggested == issue.Given {
			t.Errorf("issue %+v of label %d", issue, o.Labels[issue.Index])
		}
	}
	if !slices.Equal(got, o.Issues) {
		t.Errorf("issues %v, cleanlab %v", got, o.Issues)
	}
	for name, labels := range map[string][]int{"too few": o.Labels[1:], "out of range": append([]int{5}, o.Labels[1:]...), "negative": append([]int{-1}, o.Labels[1:]...)} {
		if _, err := metric.ConfidentLearning(o.Probabilities, labels); err == nil {
			t.Errorf("labels %s: no error", name)
		}
	}
	if c, err := metric.ConfidentLearning(nil, nil); err != nil || len(c.Issues) > 0 {
		t.Errorf("no images: %v, %v", c, err)
	}
}

// The suggestion of every issue is the most probable class, also if a rarer class with a low
// threshold is the confident one. cleanlab's suggested label is the argmax of the row.
func TestSuggestionIsMostProbable(t *testing.T) {
	o := loadAudit(t)
	check := func(name string, rows [][]float32, labels []int) (apart int) {
		c, err := metric.ConfidentLearning(rows, labels)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range c.Issues {
			row := rows[x.Index]
			sure := -1
			for j, p := range row {
				if float64(p) >= c.Thresholds[j]-1e-6 && (sure < 0 || p > row[sure]) {
					sure = j
				}
			}
			if sure != x.Suggested {
				apart++
			}
			if best := slices.Max(row); row[x.Suggested] != best || x.SuggestedConfidence != float64(best) || x.Confidence != float64(row[x.Given]) || x.Confidence > x.SuggestedConfidence {
				t.Errorf("%s: %+v of probabilities %v", name, x, row)
			}
		}
		return apart
	}
	check("cleanlab's data", o.Probabilities, o.Labels)
	apart := 0
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 5))
		var rows [][]float32
		var labels []int
		for range 200 {
			label := random.IntN(4)
			row, sum := make([]float32, 4), float32(0)
			for j := range row { // class 0 gets high probabilities, class 3 low ones
				row[j] = float32(math.Exp(random.NormFloat64() - 0.7*float64(j)))
				if j == label {
					row[j] *= 3
				}
				sum += row[j]
			}
			for j := range row {
				row[j] /= sum
			}
			rows, labels = append(rows, row), append(labels, label)
		}
		apart += check("random", rows, labels)
	}
	if apart == 0 {
		t.Error("no issue whose confident class is not the most probable one")
	}
}

func TestTemperatureAsScipy(t *testing.T) {
	o := loadAudit(t)
	temperature, before, after, err := metric.Temperature(o.Logits, o.Truth)
	if err != nil {
		t.Fatal(err)
	}
	const scipy = "scipy 1.17.1"
	agree(t, "temperature", scipy, temperature, o.Temperature, 1e-4)
	agree(t, "temperature, loss before", scipy, before, o.Before, 1e-6)
	agree(t, "temperature, loss after", scipy, after, o.After, 1e-6)
	if _, _, _, err := metric.Temperature(o.Logits[:1], []int{9}); err == nil {
		t.Error("no error for class 9")
	}
}

func TestCalibrate(t *testing.T) {
	// Two bins by hand: 0.9 with 1 of 2 correct, 0.6 with 2 of 2: (2*0.4 + 2*0.4)/4.
	c, err := metric.Calibrate([]float64{0.9, 0.9, 0.65, 0.65}, []bool{true, false, true, true}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if want := (2*0.4 + 2*0.35) / 4; math.Abs(c.ECE-want) > 1e-12 {
		t.Errorf("ECE %v, want %v", c.ECE, want)
	}
	if c.Bins[13].Images != 2 || c.Bins[13].Accuracy != 0.5 || c.Bins[9].Images != 2 {
		t.Errorf("bins %+v", c.Bins)
	}
	// A confidence on an edge counts below it; 0 and 1 have a bin.
	c, _ = metric.Calibrate([]float64{0, 1.0 / 15, 1}, []bool{false, false, true}, 1)
	if c.Bins[0].Images != 2 || c.Bins[14].Images != 1 {
		t.Errorf("edges: %+v", c.Bins)
	}
	// A calibrated model stays below the bound in about 97.5 of 100 draws, one that is
	// too sure does not.
	above := 0
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 2))
		var confidences []float64
		var right, sure []bool
		for range 300 {
			p := 0.2 + 0.8*random.Float64()
			confidences = append(confidences, p)
			right = append(right, random.Float64() < p)
			sure = append(sure, random.Float64() < p/2)
		}
		a, _ := metric.Calibrate(confidences, right, seed)
		b, _ := metric.Calibrate(confidences, sure, seed)
		if a.ECE > a.Calibrated {
			above++
		}
		if b.ECE <= b.Calibrated || b.Interval[0] > b.ECE || b.Interval[1] < b.ECE && b.Interval[1] < b.Interval[0] {
			t.Errorf("seed %d: too sure, but %+v", seed, b)
		}
	}
	if above > 8 {
		t.Errorf("%d of 100 calibrated models are above the bound", above)
	}
	if _, err := metric.Calibrate(nil, nil, 1); err == nil {
		t.Error("no error without images")
	}
}
