package score_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"oscar/explain"
	"oscar/score"
)

// forEachMetric runs a test on every line of the table.
func forEachMetric(t *testing.T, test func(t *testing.T, metric score.Metric)) {
	if len(score.Metrics) == 0 {
		t.Fatal("the table of metrics is empty")
	}
	for _, metric := range score.Metrics {
		t.Run(metric.Name, func(t *testing.T) { test(t, metric) })
	}
}

// sample has all that any metric needs. Only a good explainer's maps change
// with the model.
func sample(t *testing.T, n int, explainer explain.Explainer, blind bool) score.Sample {
	t.Helper()
	s := score.Sample{Model: &watcher{}, Explainer: explainer, Seed: 5}
	s.Images = scenes(n)
	mask := score.Mask{Height: height, Width: width, Inside: make([]bool, height*width)}
	for p := range mask.Inside {
		mask.Inside[p] = inRegion(p)
	}
	for range n {
		s.Targets = append(s.Targets, 1)
		s.Masks = append(s.Masks, mask)
		s.Quadrants = append(s.Quadrants, score.Quadrants{true, false, false, true})
	}
	s.Randomized = score.Cascade{
		Layers: []string{"logits", "conv"},
		Explainer: func(depth int) (explain.Explainer, error) {
			if blind {
				return explainer, nil
			}
			return score.RandomMap{Seed: uint64(depth)}, nil
		},
	}
	attributions, err := explainer.Explain(t.Context(), s.Images, s.Targets)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range attributions {
		s.Maps = append(s.Maps, a.Map)
	}
	return s
}

func mean(t *testing.T, metric score.Metric, s score.Sample) float64 {
	t.Helper()
	values, err := metric.Judge(t.Context(), s, settings)
	if err != nil {
		t.Fatal(err)
	}
	if len(values) != s.Images.N {
		t.Fatalf("%d values for %d images", len(values), s.Images.N)
	}
	for i, v := range values {
		if !v.OK() || v.Class != s.Targets[i] || v.Value < metric.Low || v.Value > metric.High {
			t.Errorf("value %d is %+v; want one in %v to %v, of class %d", i, v, metric.Low, metric.High, s.Targets[i])
		}
	}
	return float64(score.Summarize(values, metric.PerClass, 1).Mean)
}

func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range score.Metrics {
		if m.Name == "" || m.Title == "" || m.Paper == "" || m.Kind == "" || m.Test == "" || m.Reads == "" || m.Low >= m.High {
			t.Errorf("metric %q lacks a title, a paper, a kind, a test, what it reads or a range: %+v", m.Name, m)
		}
		if m.Better != score.Lower && m.Better != score.Higher {
			t.Errorf("%s: direction %q", m.Name, m.Better)
		}
		if seen[m.Name] {
			t.Errorf("two metrics are called %q", m.Name)
		}
		seen[m.Name] = true
		if found, err := score.Lookup(m.Name); err != nil || found.Title != m.Title {
			t.Errorf("Lookup(%q) = %v, %v", m.Name, found, err)
		}
	}
	if _, err := score.Lookup("deletian"); err == nil || !strings.Contains(err.Error(), `no metric "deletian" (deletion?); have deletion, insertion`) {
		t.Errorf("Lookup of an unknown name: %v", err)
	}
}

// A map of what the model looks at is better than noise, and its opposite is
// worse than both, in the direction of the metric.
func TestDirection(t *testing.T) {
	right := sample(t, 6, fixed{mapped(1, 0)}, false)
	noise := sample(t, 6, score.RandomMap{Seed: 3}, true)
	wrong := sample(t, 6, fixed{mapped(0, 1)}, true)
	forEachMetric(t, func(t *testing.T, metric score.Metric) {
		good, random, bad := mean(t, metric, right), mean(t, metric, noise), mean(t, metric, wrong)
		t.Logf("right %.4f, noise %.4f, wrong %.4f, %s is better", good, random, bad, metric.Better)
		if !metric.Better.Better(good, random) {
			t.Errorf("the right map has %v, noise %v, though %s is better", good, random, metric.Better)
		}
		if metric.Kind != score.Faithfulness && metric.Kind != score.Localization {
			return // the others do not ask whether the map is right
		}
		if !metric.Better.Better(good, bad) || metric.Better.Better(bad, random) {
			t.Errorf("the opposite map has %v, noise %v, the right one %v, though %s is better", bad, random, good, metric.Better)
		}
	})
}

func TestBatchesDoNotMatter(t *testing.T) {
	all := sample(t, 5, score.RandomMap{Seed: 3, Cells: 5}, false)
	forEachMetric(t, func(t *testing.T, metric score.Metric) {
		var want []score.Value
		for i := range all.Images.N {
			s := all
			s.Images, s.Targets, s.Maps = one(all.Images, i), all.Targets[i:i+1], all.Maps[i:i+1]
			s.Masks, s.Quadrants = all.Masks[i:i+1], all.Quadrants[i:i+1]
			values, err := metric.Judge(t.Context(), s, settings)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, values...)
		}
		for _, batch := range []int{1, 3, 0} {
			s := all
			s.Batch = batch
			got, err := metric.Judge(t.Context(), s, settings)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want) {
				t.Errorf("batches of %d: %v\none by one:   %v", batch, got, want)
			}
		}
	})
}

func TestSeed(t *testing.T) {
	s := sample(t, 2, score.RandomMap{Seed: 3, Cells: 5}, false)
	forEachMetric(t, func(t *testing.T, metric score.Metric) {
		judge := func(seed uint64) []score.Value {
			s.Seed = seed
			values, err := metric.Judge(t.Context(), s, settings)
			if err != nil {
				t.Fatal(err)
			}
			return values
		}
		first := judge(1)
		if !slices.Equal(first, judge(1)) {
			t.Error("the same seed gave other bits")
		}
		if second := judge(2); slices.Equal(first, second) == metric.Stochastic {
			t.Errorf("the table has Stochastic: %v; one seed gave %v, another %v", metric.Stochastic, first, second)
		}
	})
}

func TestInputsUntouched(t *testing.T) {
	forEachMetric(t, func(t *testing.T, metric score.Metric) {
		s := sample(t, 2, score.RandomMap{Seed: 3, Cells: 5}, false)
		image, grid := slices.Clone(s.Images.Pixels), slices.Clone(s.Maps[1].Values)
		mean(t, metric, s)
		if !slices.Equal(image, s.Images.Pixels) || !slices.Equal(grid, s.Maps[1].Values) || s.Images.N != 2 {
			t.Error("the metric changed the images or the maps")
		}
	})
}

func TestStatuses(t *testing.T) {
	nan := mapped(1, 0)
	nan.Values[5] = float32(math.NaN())
	infinite := mapped(1, 0)
	infinite.Values[5] = float32(math.Inf(-1))
	forEachMetric(t, func(t *testing.T, metric score.Metric) {
		constant, negative := explain.Constant, explain.OK
		switch metric.Reads {
		case score.ReadsMagnitudes:
			constant = explain.OK
		case score.ReadsPositive:
			negative = explain.Empty
		}
		s := sample(t, 6, fixed{mapped(1, 0)}, false)
		s.Maps = []explain.Grid{nan, mapped(0, 0), mapped(2, 2), mapped(-1, -2), infinite, mapped(1, 0)}
		want := []explain.Status{explain.NonFinite, explain.Empty, constant, negative, explain.NonFinite, explain.OK}
		values, err := metric.Judge(t.Context(), s, settings)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			if v.Status != want[i] || v.OK() == math.IsNaN(float64(v.Value)) {
				t.Errorf("map %d: %+v, want %s", i, v, want[i])
			}
		}
	})
}

// mute is a model that answers NaN.
type mute struct{}

func (mute) Predict(_ context.Context, images explain.Images) (explain.Prediction, error) {
	nan := float32(math.NaN())
	p := explain.Prediction{}
	for range images.N {
		p.Logits = append(p.Logits, []float32{nan, nan})
		p.Probabilities = append(p.Probabilities, []float32{nan, nan})
	}
	return p, nil
}

func TestModelWithoutNumbers(t *testing.T) {
	s := sample(t, 1, fixed{mapped(1, 0)}, false)
	s.Model = mute{}
	forEachMetric(t, func(t *testing.T, metric score.Metric) {
		if metric.Needs&score.NeedsModel == 0 {
			return
		}
		values, err := metric.Judge(t.Context(), s, settings)
		if err != nil || values[0].Status != explain.NonFinite {
			t.Errorf("%+v, %v; want non_finite", values, err)
		}
	})
}

func TestCancel(t *testing.T) {
	s := sample(t, 1, fixed{mapped(1, 0)}, false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	forEachMetric(t, func(t *testing.T, metric score.Metric) {
		_, err := metric.Judge(ctx, s, settings)
		if metric.Needs&(score.NeedsModel|score.NeedsExplainer|score.NeedsRandomized) != 0 && err == nil {
			t.Error("no error, though the context is canceled")
		}
	})
}

func TestNeeds(t *testing.T) {
	full := sample(t, 1, fixed{mapped(1, 0)}, false)
	forEachMetric(t, func(t *testing.T, metric score.Metric) {
		s := score.Sample{Cases: score.Cases{Images: full.Images, Targets: full.Targets}, Maps: full.Maps}
		_, err := metric.Judge(t.Context(), s, settings)
		if metric.Needs == 0 {
			if err != nil {
				t.Error(err)
			}
			return
		}
		if err == nil || !strings.Contains(err.Error(), "the sample has no "+metric.Needs.String()) {
			t.Errorf("error %v, want one that asks for %s", err, metric.Needs)
		}
		var back score.Needs
		if err := back.UnmarshalText([]byte(metric.Needs.String())); err != nil || back != metric.Needs {
			t.Errorf("%q reads back as %v, %v", metric.Needs, back, err)
		}
	})
}
