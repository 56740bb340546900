package score

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"oscar/explain"
)

// Method is an explainer to judge.
type Method struct {
	Name      string
	Explainer explain.Explainer
	// Randomized is the method on randomized models, for the sanity check. The zero value leaves out
	// the check.
	Randomized Cascade
}

// Controls returns the explainers that a method should beat: "random", with one value per pixel, and
// "edges".
func Controls(seed uint64) []Method {
	return []Method{
		{Name: "random", Explainer: RandomMap{Seed: seed}},
		{Name: "edges", Explainer: EdgeMap{}},
	}
}

// Evaluation judges methods by metrics. All fields except Methods may be zero.
type Evaluation struct {
	Model    explain.Predictor // the explained model; nil: leave out the metrics that need it
	Methods  []Method
	Controls []Method // nil: Controls(Seed); empty: none
	Metrics  []string // nil: all whose needs are met
	Settings Settings
	Batch    int    // images per call of models and explainers; 0: 32
	Seed     uint64 // for all draws
	Progress func(Progress)
}

// Progress is the progress of one test of a method on one part of the cases. Done and Total count
// the images that the model or an explainer gets.
type Progress struct {
	Cases        int // index of the part
	Method, Test string
	Done, Total  int
}

// Run judges cases part by part. It holds one part, its maps, and the values. Mosaics are separate
// parts, for the metrics that need mosaics. The result does not depend on how cases are divided or
// batched. The target [explain.Predicted] means the class that the model predicts.
func (e Evaluation) Run(ctx context.Context, parts iter.Seq2[Cases, error]) (Table, error) {
	run, err := e.start()
	if err != nil {
		return Table{}, fmt.Errorf("score: %w", err)
	}
	n := 0
	for cases, err := range parts {
		if err == nil {
			err = run.judge(ctx, cases, n)
		}
		if err != nil {
			return Table{}, fmt.Errorf("score: %w", err)
		}
		n++
	}
	table, err := run.table()
	if err != nil {
		return Table{}, fmt.Errorf("score: %w", err)
	}
	return table, nil
}

// Parts returns the cases one after the other.
func Parts(cases ...Cases) iter.Seq2[Cases, error] {
	return func(yield func(Cases, error) bool) {
		for _, c := range cases {
			if !yield(c, nil) {
				return
			}
		}
	}
}

// evaluating is a running Evaluation.
type evaluating struct {
	Evaluation
	all             []Method // controls last
	metrics         []Metric
	values          []Values // per method
	images, mosaics int
}

// start checks the settings and prepares the evaluation.
func (e Evaluation) start() (*evaluating, error) {
	if len(e.Methods)+len(e.Controls) == 0 {
		return nil, errors.New("no methods to judge")
	}
	if e.Controls == nil {
		e.Controls = Controls(e.Seed)
	}
	run := &evaluating{Evaluation: e, all: slices.Concat(e.Methods, e.Controls), metrics: Metrics}
	if e.Metrics != nil {
		run.metrics = nil
	}
	for _, name := range e.Metrics {
		metric, err := Lookup(name)
		if err != nil {
			return nil, err
		}
		run.metrics = append(run.metrics, metric)
	}
	if name, twice := duplicate(e.Metrics); twice {
		return nil, fmt.Errorf("metric %q is asked for twice", name)
	}
	var names []string
	for i, method := range run.all {
		if method.Name == "" || method.Explainer == nil {
			return nil, fmt.Errorf("method %d, %q, lacks a name or an explainer", i, method.Name)
		}
		names = append(names, method.Name)
		run.values = append(run.values, Values{})
	}
	if name, twice := duplicate(names); twice {
		return nil, fmt.Errorf("two methods are called %q", name)
	}
	// A control ignores the model, so its maps for randomized models are the same.
	for _, method := range e.Methods {
		if layers := method.Randomized.Layers; len(layers) > 0 {
			for i := len(e.Methods); i < len(run.all); i++ {
				control := run.all[i].Explainer
				run.all[i].Randomized = Cascade{layers, func(int) (explain.Explainer, error) { return control, nil }}
			}
			break
		}
	}
	return run, nil
}

// duplicate returns a name that occurs twice.
func duplicate(names []string) (string, bool) {
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			return name, true
		}
		seen[name] = true
	}
	return "", false
}

// judge adds the values of part n.
func (run *evaluating) judge(ctx context.Context, cases Cases, n int) error {
	if err := cases.check(); err != nil {
		return err
	}
	targets, err := Targets(ctx, run.Model, cases.Images, cases.Targets, run.Batch)
	if err != nil {
		return err
	}
	cases.Targets = targets
	count := &run.images
	if cases.Quadrants != nil {
		count = &run.mosaics
	}
	for i, method := range run.all {
		sample := Sample{
			Cases:      cases,
			Model:      run.Model,
			Explainer:  method.Explainer,
			Randomized: method.Randomized,
			Batch:      run.Batch,
			Seed:       run.Seed,
		}
		if err := run.judgeMethod(ctx, method.Name, run.values[i], sample, n); err != nil {
			return fmt.Errorf("%s: %w", method.Name, err)
		}
	}
	*count += cases.Images.N
	return nil
}

// judgeMethod computes a method's maps and runs each test once.
func (run *evaluating) judgeMethod(ctx context.Context, name string, values Values, s Sample, part int) error {
	wanted := map[string][]string{} // metrics by test
	var tests []Metric              // one metric of each test
	for _, metric := range run.metrics {
		isMosaic, wantsMosaic := s.Quadrants != nil, metric.Needs&NeedsMosaics != 0
		if metric.Needs&^s.has() != 0 || isMosaic != wantsMosaic {
			continue
		}
		if wanted[metric.Test] == nil {
			tests = append(tests, metric)
		}
		wanted[metric.Test] = append(wanted[metric.Test], metric.Name)
	}
	if len(tests) == 0 {
		return nil
	}
	maps, err := s.explained(ctx)
	if err != nil {
		return err
	}
	s.Maps = maps
	for _, test := range tests {
		if run.Progress != nil {
			s.Progress = func(done, total int) { run.Progress(Progress{part, name, test.Test, done, total}) }
		}
		got, err := test.judge(run.Settings)(ctx, s)
		if err != nil {
			return err
		}
		for _, metric := range wanted[test.Test] {
			values[metric] = append(values[metric], got[metric]...)
			for _, layer := range s.Randomized.Layers {
				values[at(metric, layer)] = append(values[at(metric, layer)], got[at(metric, layer)]...)
			}
		}
	}
	return nil
}

// explained returns the explainer's maps of the sample's images.
func (s Sample) explained(ctx context.Context) ([]explain.Grid, error) {
	maps := make([]explain.Grid, s.Images.N)
	batcher := s.explanations(ctx, s.Explainer, s.Images.N)
	for i := range maps {
		copy(batcher.Next(), s.image(i))
		if err := batcher.Submit(s.Targets[i], func(g explain.Grid) { maps[i] = g }); err != nil {
			return nil, err
		}
	}
	return maps, batcher.Flush()
}

// table summarizes the values. A metric that could not be computed has no column; if it was named,
// this is an error.
func (run *evaluating) table() (Table, error) {
	t := Table{Images: run.images, Mosaics: run.mosaics, Seed: run.Seed, Settings: run.Settings}
	if t.Images+t.Mosaics == 0 {
		return t, errors.New("no images to judge by")
	}
	for _, metric := range run.metrics {
		if slices.ContainsFunc(run.values, func(v Values) bool { return len(v[metric.Name]) > 0 }) {
			t.Metrics = append(t.Metrics, metric)
		} else if run.Evaluation.Metrics != nil {
			return t, fmt.Errorf("metric %q needs %s; there was none", metric.Name, metric.Needs)
		}
	}
	for i, method := range run.all {
		row := Row{Method: method.Name, Control: i >= len(run.Methods)}
		for _, metric := range t.Metrics {
			values := run.values[i][metric.Name]
			cell := Cell{Summary: Summarize(values, metric.PerClass, run.Seed), Values: values}
			for _, layer := range method.Randomized.Layers {
				if values := run.values[i][at(metric.Name, layer)]; len(values) > 0 {
					cell.Layers = append(cell.Layers, AtLayer{layer, Summarize(values, metric.PerClass, run.Seed)})
				}
			}
			row.Cells = append(row.Cells, cell)
		}
		t.Rows = append(t.Rows, row)
	}
	t.compare()
	return t, nil
}
