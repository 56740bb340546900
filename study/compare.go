package study

import (
	"context"
	"fmt"
	"math"
	"slices"

	"oscar/internal/atomicfile"
	"oscar/metric"
	"oscar/pipeline"
	"oscar/result"
)

// comparison is what a comparing has read and taken.
type comparison struct {
	*job
	found map[*run]*finding
	taken map[*run]map[string]sample // by measure
}

// compare reads what the runs wrote and writes the result.
func (j *job) compare(ctx context.Context) (*Result, error) {
	c := &comparison{job: j, found: map[*run]*finding{}, taken: map[*run]map[string]sample{}}
	for _, row := range j.rows {
		for _, r := range row.runs {
			if row.tooLarge != "" || r.failed != "" {
				continue
			}
			f, err := j.find(r)
			if err != nil {
				r.failed = err.Error()
				continue
			}
			c.found[r] = f
		}
	}
	table := measures(j.Study.Explain.Methods)
	for _, row := range j.rows {
		for _, r := range row.runs {
			if err := ctx.Err(); err != nil {
				return nil, fmt.Errorf("%w while comparing; the same command does that again", pipeline.ErrInterrupted)
			}
			c.take(r, table)
			if f := c.found[r]; f != nil && f.err != nil {
				r.failed = f.err.Error()
				delete(c.found, r)
				delete(c.taken, r)
			}
		}
	}
	res := c.result(table)
	c.walls(res)
	res.Notes = append(append([]string{}, c.imageNotes()...), c.notes...)
	if err := atomicfile.WriteJSON(j.path(result.File), res); err != nil {
		return nil, err
	}
	if err := writeCSV(j.path(csvFile), res); err != nil {
		return nil, err
	}
	return res, nil
}

// take takes every measure of a run.
func (c *comparison) take(r *run, table []measure) {
	f := c.found[r]
	if f == nil {
		return
	}
	c.taken[r] = map[string]sample{}
	other := c.found[c.opposite(r)]
	for _, m := range table {
		if s, ok := m.take(f, other); ok {
			c.taken[r][m.Name] = s
		}
	}
}

// opposite is the run that a run's maps are compared with: of the base with the
// same seed; for the base itself, its own with the next seed. Two seeds are one
// pair, and one seed none: nil. With a split for each seed the next one has
// other images.
func (c *comparison) opposite(r *run) *run {
	base := c.rows[0]
	i := slices.IndexFunc(r.row.runs, func(o *run) bool { return o == r })
	if r.row != base {
		return base.runs[i]
	}
	if n := len(base.runs); n > 2 || i+1 < n {
		return base.runs[(i+1)%n]
	}
	return nil
}

// samples are a measure of a row's runs.
func (c *comparison) samples(row *row, measure string) []sample {
	var out []sample
	for _, r := range row.runs {
		if s, ok := c.taken[r][measure]; ok {
			out = append(out, s)
		}
	}
	return out
}

func (c *comparison) row(name string) *row {
	i := slices.IndexFunc(c.rows, func(r *row) bool { return r.variant.Name == name })
	return c.rows[i]
}

// result puts the result together, but for the walls.
func (c *comparison) result(table []measure) *Result {
	s, x := c.Study, c.Study.Explain
	split := c.splits[s.Seeds[0]]
	env := pipeline.NewEnvironment(c.Machine.Threads, s.Seeds[0])
	settings := x.settings("")
	res := &Result{
		Format: 1, Name: s.Name, Why: s.Why, Base: s.Variants[0].Name, Classes: split.Classes, Seeds: s.Seeds,
		Data: result.Data{
			Root: c.plan.Root, Split: s.Split, SplitHash: split.Hash, SplitSeed: split.Seed, Fractions: split.Fractions,
			Train: len(split.Train), Validation: len(split.Validation), Test: len(split.Test),
		},
		Explain: result.Explain{
			Methods: x.Methods, PerClass: x.Images, Mosaics: x.Mosaics, Class: settings.Class, Score: x.scoreName(), Masks: masksBeside(c.plan.Root),
		},
		Machine: result.Machine{
			Memory: c.Memory, Processor: env.Processor, Processors: env.Processors, Threads: env.Threads.Intra,
			Versions: map[string]string{"oscar": env.Oscar, "tensorflow": env.TensorFlow, "graft": env.Graft, "go": env.Go},
		},
		Cut: c.plan.Cut, Variants: []result.Variant{}, Claims: []result.Claim{}, Walls: []result.Wall{}, Rules: rules(s),
	}
	for _, m := range table {
		if slices.ContainsFunc(c.rows, func(r *row) bool { return len(c.samples(r, m.Name)) > 0 }) {
			res.Measures = append(res.Measures, m.Measure)
		}
	}
	for _, row := range c.rows {
		v := c.variant(row, table)
		for _, r := range v.Runs {
			for _, e := range r.Epochs {
				res.Seconds += e.Seconds
			}
		}
		res.Variants = append(res.Variants, v)
	}
	for _, claim := range s.Claims {
		if claim.Against == "" {
			v, _ := s.variant(claim.Variant)
			claim.Against = s.against(v)
		}
		m, _ := s.measure(claim.Measure)
		res.Claims = append(res.Claims, judge(claim, m, compared{
			c.samples(c.row(claim.Variant), claim.Measure), c.samples(c.row(claim.Against), claim.Measure),
		}))
	}
	return res
}

func (x Explain) scoreName() string {
	if x.Score == "" {
		return "logit"
	}
	return x.Score
}

// variant is a row of the result.
func (c *comparison) variant(row *row, table []measure) result.Variant {
	e, a := row.experiment, row.experiment.Architecture
	v := result.Variant{
		Name: row.variant.Name, Why: row.variant.Why, Edits: append([]string{}, row.variant.words()...), Against: c.Study.against(row.variant),
		Architecture: a.Name, Input: a.Input, Layer: e.Explain, Epochs: e.Training.Epochs, Batch: e.Training.Batch, Memory: row.memory,
		Reported: row.variant.Reported, Figures: map[string]result.Figure{}, PerClass: []result.ClassFigures{}, Runs: []result.Run{},
	}
	if total, frozen, err := a.Parameters(); err == nil {
		v.Parameters, v.Frozen = int64(total), int64(frozen)
	}
	for _, r := range row.runs {
		v.Runs = append(v.Runs, c.runResult(r))
	}
	v.Status, v.Reason = state(row)
	for _, m := range table {
		if samples := c.samples(row, m.Name); len(samples) > 0 {
			v.Figures[m.Name] = figure(m.Measure, samples)
		}
	}
	v.PerClass = append(v.PerClass, c.perClass(row)...)
	if v.Against != "" {
		v.McNemar = c.mcnemar(row, c.row(v.Against))
	}
	return v
}

// state is how far a row has come.
func state(row *row) (status, reason string) {
	if row.tooLarge != "" {
		return result.TooLarge, row.tooLarge
	}
	failed := 0
	for _, r := range row.runs {
		if r.failed != "" {
			failed++
			if reason == "" {
				reason = fmt.Sprintf("seed %d: %s", r.seed, r.failed)
			}
		}
	}
	switch failed {
	case 0:
		return result.Done, ""
	case len(row.runs):
		return result.Failed, reason
	}
	return result.Partial, reason
}

// runResult is a run of the result.
func (c *comparison) runResult(r *run) result.Run {
	out := result.Run{Seed: r.seed, Dir: runsDir + "/" + r.name(), Status: result.Done, Epochs: []result.Epoch{}, Values: map[string]result.Number{}}
	f := c.found[r]
	switch {
	case r.row.tooLarge != "":
		out.Status, out.Reason, out.Dir = result.TooLarge, r.row.tooLarge, ""
		return out
	case f == nil:
		out.Status, out.Reason = result.Failed, r.failed
		return out
	}
	out.Kept = f.evaluation.Epoch
	for _, m := range f.epochs {
		out.Epochs = append(out.Epochs, result.Epoch{
			Number: m.Epoch, Loss: result.Number(m.Loss), Accuracy: result.Number(m.Accuracy),
			ValidationLoss: result.Number(m.ValidationLoss), ValidationAccuracy: result.Number(m.ValidationAccuracy), Seconds: m.Seconds,
		})
	}
	e := f.evaluation
	out.Test = &result.Test{Images: e.Images, Accuracy: e.Accuracy, Interval: e.Interval, Loss: result.Number(e.Loss), MacroF1: e.MacroF1, Confusion: e.Confusion.Counts}
	for name, s := range c.taken[r] {
		out.Values[name] = result.Number(s.value)
		if m, err := c.Study.measure(name); err == nil {
			out.Values[name] = shown(m, s.value)
		}
	}
	out.Explanations, out.Scores = explanationsDir+"/"+r.name(), scoresDir+"/"+r.name()
	return out
}

// perClass sums up how well each class is told.
func (c *comparison) perClass(row *row) []result.ClassFigures {
	var out []result.ClassFigures
	for i, class := range c.splits[c.Study.Seeds[0]].Classes {
		figures := result.ClassFigures{Class: class}
		var precision, recall, f1 []sample
		for _, r := range row.runs {
			f := c.found[r]
			if f == nil {
				continue
			}
			s := f.evaluation.PerClass[i]
			figures.Support = s.Support
			precision, recall, f1 = append(precision, single(s.Precision)), append(recall, single(s.Recall)), append(f1, single(s.F1))
		}
		if len(f1) == 0 {
			return nil
		}
		figures.Precision, figures.Recall, figures.F1 = figure(result.Measure{}, precision), figure(result.Measure{}, recall), figure(result.Measure{}, f1)
		out = append(out, figures)
	}
	return out
}

// mcnemar compares two rows on the same test images, seed by seed; nil if no
// seed has both.
func (c *comparison) mcnemar(row, against *row) *result.McNemar {
	out := &result.McNemar{Against: against.variant.Name, P: result.Number(math.NaN())}
	for i, r := range row.runs {
		f, g := c.found[r], c.found[against.runs[i]]
		if f == nil || g == nil {
			continue
		}
		theirs := map[string]float64{}
		for _, a := range g.look.Test {
			theirs[a.Image] = a.right()
		}
		t := result.McNemarTest{Seed: r.seed}
		for _, a := range f.look.Test {
			other, ok := theirs[a.Image]
			if !ok {
				continue
			}
			t.Images++
			switch {
			case a.right() > other:
				t.OnlyThis++
			case a.right() < other:
				t.OnlyAgainst++
			}
		}
		t.P = metric.McNemar(t.OnlyThis, t.OnlyAgainst)
		out.Tests = append(out.Tests, t)
		if !(float64(out.P) >= t.P) {
			out.P = result.Number(t.P)
		}
	}
	if len(out.Tests) == 0 {
		return nil
	}
	return out
}
