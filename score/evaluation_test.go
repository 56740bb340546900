package score_test

import (
	"encoding/json"
	"errors"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"oscar/explain"
	"oscar/score"
)

// cases are n scenes with masks; the model is to say which class.
func cases(n int) score.Cases {
	c := score.Cases{Images: scenes(n)}
	mask := score.Mask{Height: height, Width: width, Inside: make([]bool, height*width)}
	for p := range mask.Inside {
		mask.Inside[p] = inRegion(p)
	}
	for range n {
		c.Targets = append(c.Targets, explain.Predicted)
		c.Masks = append(c.Masks, mask)
	}
	return c
}

// part is cases from to.
func part(c score.Cases, from, to int) score.Cases {
	size := height * width * 3
	c.Images.N = to - from
	c.Images.Pixels = c.Images.Pixels[from*size : to*size]
	c.Targets, c.Masks = c.Targets[from:to], c.Masks[from:to]
	return c
}

// mosaics are cases in which the class is at the upper left.
func mosaics(n int) score.Cases {
	c := cases(n)
	c.Masks = nil
	for i := range n {
		c.Targets[i] = 1
		c.Quadrants = append(c.Quadrants, score.Quadrants{true, false, false, true})
	}
	return c
}

func evaluation(model explain.Predictor) score.Evaluation {
	return score.Evaluation{
		Model: model,
		Methods: []score.Method{
			{Name: "right", Explainer: fixed{mapped(1, 0)}, Randomized: score.Cascade{
				Layers: []string{"logits", "conv"},
				Explainer: func(depth int) (explain.Explainer, error) {
					return []explain.Explainer{fixed{mapped(0.5, 0.1)}, score.RandomMap{Seed: 9}}[depth-1], nil
				},
			}},
			{Name: "wrong", Explainer: fixed{mapped(0, 1)}},
			{Name: "silent", Explainer: fixed{mapped(0, 0)}},
		},
		Settings: settings,
		Seed:     4,
	}
}

func run(t *testing.T, e score.Evaluation, parts ...score.Cases) score.Table {
	t.Helper()
	table, err := e.Run(t.Context(), score.Parts(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// wantLayers wants a map that keeps its ranks where the logits are forgotten and
// loses them where all is, and the mean of the two.
func wantLayers(t *testing.T, metric string, cell score.Cell) {
	t.Helper()
	if len(cell.Layers) != 2 || cell.Layers[0].Layer != "logits" || cell.Layers[1].Layer != "conv" {
		t.Fatalf("%s at layers: %+v", metric, cell.Layers)
	}
	first, second := cell.Layers[0], cell.Layers[1]
	if first.N != 7 || second.N != 7 || first.Mean < 1-1e-9 || !(second.Mean < 0.5) || !(second.Low <= second.Mean && second.Mean <= second.High) {
		t.Errorf("%s at layers: %+v", metric, cell.Layers)
	}
	if mean := (first.Mean + second.Mean) / 2; math.Abs(float64(mean-cell.Mean)) > 1e-9 {
		t.Errorf("%s: the mean is %v, of the layers %v", metric, cell.Mean, mean)
	}
}

func TestEvaluation(t *testing.T) {
	table := run(t, evaluation(&watcher{}), cases(7), mosaics(3))
	if table.Images != 7 || table.Mosaics != 3 || len(table.Metrics) != len(score.Metrics) {
		t.Errorf("%d images, %d mosaics, %d metrics", table.Images, table.Mosaics, len(table.Metrics))
	}
	var names []string
	for _, row := range table.Rows {
		names = append(names, row.Method)
		if row.Control != (row.Method == "random" || row.Method == "edges") {
			t.Errorf("%s: control %v", row.Method, row.Control)
		}
	}
	if !slices.Equal(names, []string{"right", "wrong", "silent", "random", "edges"}) {
		t.Errorf("rows %v", names)
	}
	for _, metric := range table.Metrics {
		n := 7
		if metric.Name == "focus" {
			n = 3
		}
		cell, err := table.Cell("right", metric.Name)
		if err != nil || cell.N+cell.Unjudged != n || cell.N != n || len(cell.Versus) != 2 || cell.Versus[1].Control != "edges" {
			t.Errorf("%s of right: %+v, %v", metric.Name, cell, err)
		}
		sanity := metric.Test == "sanity"
		if sanity {
			wantLayers(t, metric.Name, cell)
		} else if cell.Layers != nil {
			t.Errorf("%s has layers: %+v", metric.Name, cell.Layers)
		}
		cell, _ = table.Cell("silent", metric.Name)
		if sanity && len(cell.Values)+cell.N != 0 || !sanity && (cell.N != 0 || cell.Why[explain.Empty] != n) {
			t.Errorf("%s of silent: %+v", metric.Name, cell)
		}
		cell, _ = table.Cell("random", metric.Name)
		if cell.N != n || cell.Versus != nil || sanity && cell.Mean != 1 {
			t.Errorf("%s of random: %+v", metric.Name, cell)
		}
	}
	for _, missing := range [][2]string{{"left", "focus"}, {"right", "focis"}} {
		if _, err := table.Cell(missing[0], missing[1]); err == nil {
			t.Errorf("no error of the cell %v", missing)
		}
	}
}

// Batches are filled across images and steps.
func TestBatches(t *testing.T) {
	model := &watcher{}
	s := sample(t, 3, fixed{mapped(1, 0)}, false)
	s.Model = model
	var told [][2]int
	s.Progress = func(done, total int) { told = append(told, [2]int{done, total}) }
	if _, err := (score.Deletion{}).Judge(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(model.batches, []int{32, 32, 32, 3}) {
		t.Errorf("three curves of 33 values went to the model in batches of %v", model.batches)
	}
	if want := [][2]int{{32, 99}, {64, 99}, {96, 99}, {99, 99}}; !slices.Equal(told, want) {
		t.Errorf("progress %v, want %v", told, want)
	}
}

func TestDoubts(t *testing.T) {
	table := run(t, evaluation(&watcher{}), cases(7), mosaics(3))
	doubts := map[string][]string{}
	for _, d := range table.Doubts() {
		doubts[d.Method] = append(doubts[d.Method], d.Metric)
		cell, err := table.Cell(d.Method, d.Metric)
		metric, _ := score.Lookup(d.Metric)
		if err != nil || len(d.Controls) == 0 || cell.Beats(metric.Better) {
			t.Errorf("doubt %+v of %+v", d, cell)
		}
	}
	// Three mosaics are too few for anything to be clear. ROAD's two halves are
	// not better than noise by themselves.
	for _, metric := range []string{"deletion", "insertion", "road", "average_drop", "average_gain", "infidelity", "energy", "gini", "sanity_rank", "max_sensitivity"} {
		if slices.Contains(doubts["right"], metric) {
			t.Errorf("the right map does not beat the controls by %s", metric)
		}
	}
	if !slices.Contains(doubts["right"], "focus") {
		t.Error("three mosaics were enough to beat the controls")
	}
	for _, metric := range table.Metrics {
		faithful := metric.Kind == score.Faithfulness || metric.Kind == score.Localization
		if faithful && !slices.Contains(doubts["wrong"], metric.Name) {
			t.Errorf("the wrong map beats the controls by %s", metric.Name)
		}
		if metric.Test != "sanity" && !slices.Contains(doubts["silent"], metric.Name) {
			t.Errorf("the empty map beats the controls by %s", metric.Name)
		}
	}
}

func TestClear(t *testing.T) {
	for _, test := range []struct {
		low, high     score.Number
		n             int
		lower, higher bool
	}{
		{0.1, 0.2, 6, false, true},
		{-0.2, -0.1, 6, true, false},
		{-0.1, 0.2, 60, false, false},
		{0, 0, 60, false, false},
		{0.1, 0.2, 5, false, false},
		{score.Number(math.NaN()), score.Number(math.NaN()), 1, false, false},
	} {
		d := score.Difference{Interval: score.Interval{Low: test.low, High: test.high, N: test.n}}
		if d.Clear(score.Lower) != test.lower || d.Clear(score.Higher) != test.higher {
			t.Errorf("%+v: %v, %v", test, d.Clear(score.Lower), d.Clear(score.Higher))
		}
	}
}

var sameNaN = cmp.Options{cmp.Comparer(func(a, b score.Number) bool { return a == b || a != a && b != b }), cmpopts.IgnoreUnexported(score.Metric{}, score.Infidelity{}, score.Sensitivity{}), cmpopts.EquateEmpty()}

func TestPartsDoNotMatter(t *testing.T) {
	all := cases(7)
	want := run(t, evaluation(&watcher{}), all)
	if diff := cmp.Diff(want, run(t, evaluation(&watcher{}), part(all, 0, 3), part(all, 3, 4), part(all, 4, 7)), sameNaN); diff != "" {
		t.Errorf("in parts:\n%s", diff)
	}
	small := evaluation(&watcher{})
	small.Batch = 5
	if diff := cmp.Diff(want, run(t, small, all), sameNaN); diff != "" {
		t.Errorf("in small batches:\n%s", diff)
	}
}

func TestTableJSON(t *testing.T) {
	want := run(t, evaluation(&watcher{}), cases(2), mosaics(2))
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got score.Table
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, sameNaN); diff != "" {
		t.Errorf("read back:\n%s", diff)
	}
	err = json.Unmarshal([]byte(`{"metrics": [], "rows": [{"method": "a", "cells": [{}]}]}`), &got)
	if err == nil || !strings.Contains(err.Error(), `method "a" has 1 cells for 0 metrics`) {
		t.Errorf("error %v", err)
	}
}

func TestAskedMetrics(t *testing.T) {
	e := evaluation(&watcher{})
	e.Metrics = []string{"gini", "deletion"}
	e.Controls = []score.Method{}
	tests := map[string]int{}
	e.Progress = func(p score.Progress) {
		tests[p.Test]++
		if p.Done < 1 || p.Done > p.Total || p.Method == "" {
			t.Errorf("progress %+v", p)
		}
	}
	table := run(t, e, cases(2))
	if len(table.Metrics) != 2 || table.Metrics[0].Name != "gini" || len(table.Rows) != 3 || len(tests) != 1 || tests["deletion"] == 0 {
		t.Errorf("metrics %v, %d rows, progress of %v", table.Metrics, len(table.Rows), tests)
	}
	if len(table.Doubts()) != 0 {
		t.Errorf("doubts %v, though there are no controls", table.Doubts())
	}

	// Without a model: only what needs none, and given classes.
	e = evaluation(nil)
	given := cases(2)
	given.Targets = []int{1, 1}
	given.Masks = nil
	for _, metric := range run(t, e, given).Metrics {
		if metric.Needs&(score.NeedsModel|score.NeedsMasks|score.NeedsMosaics) != 0 {
			t.Errorf("%s has no model or masks", metric.Name)
		}
	}
}

func TestRefusals(t *testing.T) {
	broken := errors.New("disk")
	two := fixed{mapped(1, 0)}
	for name, test := range map[string]struct {
		change func(*score.Evaluation)
		parts  iter.Seq2[score.Cases, error]
		want   string
	}{
		"no methods":   {func(e *score.Evaluation) { e.Methods = nil }, nil, "score: no methods to judge"},
		"unknown":      {func(e *score.Evaluation) { e.Metrics = []string{"x"} }, nil, `score: no metric "x"; have deletion`},
		"twice":        {func(e *score.Evaluation) { e.Metrics = []string{"gini", "gini"} }, nil, `score: metric "gini" is asked for twice`},
		"one name":     {func(e *score.Evaluation) { e.Methods[1].Name = "right" }, nil, `score: two methods are called "right"`},
		"control name": {func(e *score.Evaluation) { e.Methods[1].Name = "edges" }, nil, `score: two methods are called "edges"`},
		"no explainer": {func(e *score.Evaluation) { e.Methods[1].Explainer = nil }, nil, `score: method 1, "wrong", lacks a name or an explainer`},
		"need":         {func(e *score.Evaluation) { e.Metrics = []string{"focus"} }, score.Parts(cases(1)), `score: metric "focus" needs mosaics; there was none`},
		"no images":    {func(*score.Evaluation) {}, score.Parts(), "score: no images to judge by"},
		"no class":     {func(e *score.Evaluation) { e.Model = nil }, score.Parts(cases(1)), "score: image 0 has no target class, and there is no model to ask"},
		"other class": {func(*score.Evaluation) {}, score.Parts(score.Cases{Images: scenes(1), Targets: []int{2}}),
			"score: right: no class 2; the model has 2"},
		"pixels":  {func(*score.Evaluation) {}, score.Parts(score.Cases{Images: explain.Images{N: 1, Height: 1, Width: 1, Channels: 1}, Targets: []int{0}}), "score: images [1,1,1,1] have 0 values"},
		"targets": {func(*score.Evaluation) {}, score.Parts(score.Cases{Images: scenes(2), Targets: []int{0}}), "score: 1 targets for 2 images"},
		"masks": {func(*score.Evaluation) {}, score.Parts(score.Cases{Images: scenes(1), Targets: []int{0}, Masks: []score.Mask{{Height: 1, Width: 1, Inside: []bool{true}}}}),
			"score: mask 0 is 1x1 with 1 values; want the image's 32x24"},
		"part": {func(*score.Evaluation) {}, func(yield func(score.Cases, error) bool) { yield(score.Cases{}, broken) }, "score: disk"},
		"map":  {func(e *score.Evaluation) { e.Methods[0].Explainer = fixed{} }, score.Parts(cases(1)), "score: right: the explainer gave a map of 0 values for 0x0"},
	} {
		e := evaluation(&watcher{})
		e.Methods[0].Explainer = two
		test.change(&e)
		_, err := e.Run(t.Context(), test.parts)
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: error %v\nwant %s", name, err, test.want)
		}
	}
}
