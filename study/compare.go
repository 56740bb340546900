package study

import (
	"context"
	"fmt"
	"math"
	"slices"

	"oscar/internal/checksum"
	"oscar/metric"
	"oscar/pipeline"
	"oscar/result"
	runfolder "oscar/run"
)

// comparison has the runs' files and the measures computed from them.
type comparison struct {
	*job
	data     map[*run]*runData
	measured map[*run]map[string]sample // by measure
}

// compare reads the runs' files and writes the result.
func (j *job) compare(ctx context.Context) (*result.Study, error) {
	c := &comparison{job: j, data: map[*run]*runData{}, measured: map[*run]map[string]sample{}}
	for _, row := range j.rows {
		for _, r := range row.runs {
			if row.tooLarge != "" || r.failed != "" {
				continue
			}
			d, err := j.read(r)
			if err != nil {
				r.failed = err.Error()
				continue
			}
			c.data[r] = d
		}
	}
	table := measures(j.Study.Explain.Methods)
	for _, row := range j.rows {
		for _, r := range row.runs {
			if err := ctx.Err(); err != nil {
				return nil, fmt.Errorf("%w while comparing; the same command does that again", pipeline.ErrInterrupted)
			}
			c.measureRun(r, table)
			if d := c.data[r]; d != nil && d.err != nil {
				r.failed = d.err.Error()
				delete(c.data, r)
				delete(c.measured, r)
			}
		}
	}
	res := c.result(table)
	c.walls(res)
	res.Notes = append(append([]string{}, c.imageNotes()...), c.notes...)
	for _, name := range []string{result.File, csvFile} {
		if d := checksum.Check(j.Out, name); checksum.Is(d) {
			j.Listener.Note(fmt.Sprintf("%v; it is made again", d))
		}
	}
	if err := checksum.WriteJSON(j.Out, result.File, res); err != nil {
		return nil, err
	}
	if err := writeCSV(j.Out, csvFile, res); err != nil {
		return nil, err
	}
	if len(c.data) == 0 {
		return res, fmt.Errorf("no run was finished; %s: %s", res.Variants[0].Name, res.Variants[0].Reason)
	}
	return res, nil
}

// measureRun computes the measures of a run.
func (c *comparison) measureRun(r *run, table []measure) {
	d := c.data[r]
	if d == nil {
		return
	}
	c.measured[r] = map[string]sample{}
	other := c.data[c.referenceRun(r)]
	for _, m := range table {
		if s, ok := m.of(d, other); ok {
			c.measured[r][m.Name] = s
		}
	}
}

// referenceRun returns the run with whose maps a run's maps are compared: the base's run of the same
// seed. The base's own runs are compared with the base's next seed, which with a split per seed has
// other images. It returns nil for a base with one seed, and for the second of two.
func (c *comparison) referenceRun(r *run) *run {
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

// samples returns the values of a measure for a row's runs.
func (c *comparison) samples(row *row, measure string) []sample {
	var out []sample
	for _, r := range row.runs {
		if s, ok := c.measured[r][measure]; ok {
			out = append(out, s)
		}
	}
	return out
}

func (c *comparison) row(name string) *row {
	i := slices.IndexFunc(c.rows, func(r *row) bool { return r.variant.Name == name })
	return c.rows[i]
}

// result returns the result without the walls of pictures.
func (c *comparison) result(table []measure) *result.Study {
	s, x := c.Study, c.Study.Explain
	split := c.splits[s.Seeds[0]]
	env := runfolder.NewEnvironment(pipeline.Config{Threads: c.Machine.Threads}, s.Seeds[0])
	settings := x.settings("")
	res := &result.Study{
		Format: 1, Name: s.Name, Why: s.Why, Base: s.Variants[0].Name, Classes: split.Classes, Seeds: s.Seeds,
		Data: result.Data{
			Root: c.plan.Root, Split: s.Split, SplitHash: split.Hash, SplitSeed: split.Seed, Fractions: split.Fractions,
			Train: len(split.Train), Validation: len(split.Validation), Test: len(split.Test),
		},
		Explain: result.Explain{
			Methods: x.Methods, PerClass: x.Images, Mosaics: x.Mosaics, Class: settings.Class, Score: x.scoreName(), Masks: pipeline.MaskDir(c.plan.images()) != "",
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

// variant returns a row as a variant of the result.
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

// state returns the status of a row, and the first reason if it is not done.
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

// runResult returns a run as a run of the result.
func (c *comparison) runResult(r *run) result.Run {
	out := result.Run{Seed: r.seed, Dir: runsDir + "/" + r.name(), Status: result.Done, Epochs: []result.Epoch{}, Values: map[string]result.Number{}}
	d := c.data[r]
	switch {
	case r.row.tooLarge != "":
		out.Status, out.Reason, out.Dir = result.TooLarge, r.row.tooLarge, ""
		return out
	case d == nil:
		out.Status, out.Reason = result.Failed, r.failed
		return out
	}
	out.Kept = d.evaluation.Epoch
	for _, m := range d.epochs {
		out.Epochs = append(out.Epochs, result.Epoch{
			Number: m.Epoch, Loss: result.Number(m.Loss), Accuracy: result.Number(m.Accuracy),
			ValidationLoss: result.Number(m.ValidationLoss), ValidationAccuracy: result.Number(m.ValidationAccuracy), Seconds: m.Seconds,
		})
	}
	e := d.evaluation
	out.Test = &result.Test{Images: e.Images, Accuracy: e.Accuracy, Interval: e.Interval, Loss: e.Loss, MacroF1: e.MacroF1, Confusion: e.Confusion.Counts}
	for name, s := range c.measured[r] {
		out.Values[name] = result.Number(s.value)
		if m, err := c.Study.measure(name); err == nil {
			out.Values[name] = shown(m, s.value)
		}
	}
	out.Explanations, out.Scores = explanationsDir+"/"+r.name(), scoresDir+"/"+r.name()
	return out
}

// perClass returns the summaries of precision, recall and F1 of each class.
func (c *comparison) perClass(row *row) []result.ClassFigures {
	var out []result.ClassFigures
	for i, class := range c.splits[c.Study.Seeds[0]].Classes {
		figures := result.ClassFigures{Class: class}
		var precision, recall, f1 []sample
		for _, r := range row.runs {
			d := c.data[r]
			if d == nil {
				continue
			}
			s := d.evaluation.PerClass[i]
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

// mcnemar compares two rows on the same test images, seed by seed. It returns nil if no seed has
// both.
func (c *comparison) mcnemar(row, against *row) *result.McNemar {
	out := &result.McNemar{Against: against.variant.Name, P: result.Number(math.NaN())}
	for i, r := range row.runs {
		d, g := c.data[r], c.data[against.runs[i]]
		if d == nil || g == nil {
			continue
		}
		theirs := map[string]bool{}
		for _, c := range g.evaluation.Classifications {
			theirs[c.Image] = c.Correct()
		}
		t := result.McNemarTest{Seed: r.seed}
		for _, c := range d.evaluation.Classifications {
			other, ok := theirs[c.Image]
			if !ok {
				continue
			}
			t.Images++
			switch {
			case c.Correct() && !other:
				t.OnlyThis++
			case other && !c.Correct():
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
