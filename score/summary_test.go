package score_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"oscar/explain"
	"oscar/score"
)

func value(class int, v float64) score.Value {
	return score.Value{Value: score.Number(v), Status: explain.OK, Class: class}
}

func unjudged(why explain.Status) score.Value {
	return score.Value{Value: score.Number(math.NaN()), Status: why}
}

func TestSummarize(t *testing.T) {
	values := []score.Value{value(0, 1), value(1, 4), unjudged(explain.Empty), value(0, 2), value(0, 3), unjudged(explain.Empty), unjudged(score.NoMask)}
	s := score.Summarize(values, false, 1)
	if s.Mean != 2.5 || s.N != 4 || s.Unjudged != 3 || s.Why[explain.Empty] != 2 || s.Why[score.NoMask] != 1 {
		t.Errorf("summary %+v", s)
	}
	if !(s.Low >= 1 && s.Low < s.Mean && s.Mean < s.High && s.High <= 4) {
		t.Errorf("interval %v to %v", s.Low, s.High)
	}
	if again := score.Summarize(values, false, 1); again.Interval != s.Interval {
		t.Errorf("again %+v, first %+v", again, s)
	}
	// Of the classes' means, 2 and 4; class 1 has one value, which does not vary.
	s = score.Summarize(values, true, 1)
	if s.Mean != 3 || s.N != 4 || s.Low < 2.5 || s.High > 3.5 {
		t.Errorf("per class %+v", s)
	}
}

func TestFewValues(t *testing.T) {
	missing := func(n score.Number) bool { return math.IsNaN(float64(n)) }
	if s := score.Summarize(nil, false, 1); s.N != 0 || !missing(s.Mean) || !missing(s.Low) {
		t.Errorf("of nothing: %+v", s)
	}
	if s := score.Summarize([]score.Value{value(0, 2)}, false, 1); s.N != 1 || s.Mean != 2 || !missing(s.Low) || !missing(s.High) {
		t.Errorf("of one: %+v", s)
	}
	if s := score.Summarize([]score.Value{value(0, 0.1), value(0, 0.1), value(0, 0.1)}, false, 1); s.Low > s.Mean || s.High < s.Mean || s.High-s.Low > 1e-15 {
		t.Errorf("of equals: %+v", s)
	}
}

// For many values the interval is that of the normal approximation.
func TestIntervalOfMany(t *testing.T) {
	const n = 400
	r := rand.New(rand.NewPCG(1, 2))
	var values []score.Value
	sum, squares := 0.0, 0.0
	for range n {
		v := 3 + 2*r.NormFloat64()
		values = append(values, value(0, v))
		sum, squares = sum+v, squares+v*v
	}
	mean := sum / n
	half := 1.96 * math.Sqrt((squares/n-mean*mean)/n)
	s := score.Summarize(values, false, 1)
	if !near(float64(s.Mean), mean, 1e-12) || !near(float64(s.Low), mean-half, half/10) || !near(float64(s.High), mean+half, half/10) {
		t.Errorf("%v (%v to %v), want about %v (%v to %v)", s.Mean, s.Low, s.High, mean, mean-half, mean+half)
	}
}

func TestNumberJSON(t *testing.T) {
	for text, n := range map[string]score.Number{
		"null":      score.Number(math.NaN()),
		`"inf"`:     score.Number(math.Inf(1)),
		`"-inf"`:    score.Number(math.Inf(-1)),
		"0.1":       0.1,
		"-12345678": -12345678,
	} {
		data, err := json.Marshal(n)
		if err != nil || string(data) != text {
			t.Errorf("%v is written as %s, %v; want %s", n, data, err, text)
		}
		back := score.Number(7)
		if err := json.Unmarshal([]byte(text), &back); err != nil || back != n && !(back != back && n != n) {
			t.Errorf("%s is read as %v, %v; want %v", text, back, err, n)
		}
	}
	if err := json.Unmarshal([]byte(`"many"`), new(score.Number)); err == nil {
		t.Error("no error of a word")
	}
}
