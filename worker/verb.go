package worker

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"oscar/internal/paths"
	"oscar/pipeline"
	"oscar/result"
	"oscar/study"
)

// verb is a command whose work can be planned.
type verb struct {
	name string
	mark string // the file that identifies the results
	// byImage means that a unit needs only its own images, not all.
	byImage bool
	// folder means that plan prepares a folder for each unit, named like its part.
	folder bool
	open   func(ctx context.Context, u result.Unit, on pipeline.Machine, l pipeline.Listener) (pipeline.UnitWorker, error)
	merge  func(ctx context.Context, o pipeline.MergeOptions) (Merged, error)
}

// Merged is the result of [Merge]: that of the command.
type Merged struct {
	Explain *pipeline.Summary
	Predict *pipeline.PredictSummary
	Score   *pipeline.Scores
	Study   *result.Study
	Folds   *result.Folds
}

// thisProgram is the path of the running oscar. It is valid even if the file was replaced.
var thisProgram = []string{"/proc/self/exe"}

// verbs is the table of verbs that can be planned.
var verbs = []verb{
	{"explain", result.SettingsFile, true, false, pipeline.NewExplainWorker, func(ctx context.Context, o pipeline.MergeOptions) (m Merged, err error) {
		m.Explain, err = pipeline.MergeExplain(ctx, o)
		return m, err
	}},
	{"predict", result.PredictFile, true, false, pipeline.NewPredictWorker, func(ctx context.Context, o pipeline.MergeOptions) (m Merged, err error) {
		m.Predict, err = pipeline.MergePredict(ctx, o)
		return m, err
	}},
	{"score", result.ScoringFile, false, false, pipeline.NewScoreWorker, func(ctx context.Context, o pipeline.MergeOptions) (m Merged, err error) {
		m.Score, err = pipeline.MergeScore(ctx, o)
		return m, err
	}},
	{"study", result.PlanFile, false, false, func(_ context.Context, u result.Unit, on pipeline.Machine, l pipeline.Listener) (pipeline.UnitWorker, error) {
		return study.NewWorker(u, thisProgram, on, l)
	}, func(ctx context.Context, o pipeline.MergeOptions) (m Merged, err error) {
		m.Study, err = study.Merge(ctx, o)
		return m, err
	}},
	{"train", result.FoldsFile, false, true, pipeline.NewFoldsWorker, func(ctx context.Context, o pipeline.MergeOptions) (m Merged, err error) {
		m.Folds, err = pipeline.MergeFolds(ctx, o)
		return m, err
	}},
}

// lookup returns the verb of a name.
func lookup(name string) (verb, error) {
	var names []string
	for _, v := range verbs {
		if v.name == name {
			return v, nil
		}
		names = append(names, v.name)
	}
	return verb{}, fmt.Errorf("no units of %q; have %s", name, strings.Join(names, ", "))
}

// Merge joins the units of a planned job to its results. It changes to the folder where the job was
// planned, because results name images relative to it.
func Merge(ctx context.Context, o pipeline.MergeOptions) (Merged, error) {
	u, v, err := firstUnit(o.Dir)
	if err != nil {
		return Merged{}, err
	}
	dir := paths.Absolute(o.Dir)
	if paths.IsStore(u.From) {
		return Merged{}, fmt.Errorf("%s was planned in a store; merge it there by --store %s", o.Dir, u.From)
	}
	if err := enter(u.From); err != nil {
		return Merged{}, fmt.Errorf("the folder from which the job was planned: %w", err)
	}
	if o.Dir = dir; paths.Absolute(u.Out) == dir {
		o.Dir = filepath.Clean(u.Out)
	}
	return v.merge(ctx, o)
}

// firstUnit returns the first unit in a folder.
func firstUnit(dir string) (result.Unit, verb, error) {
	for u, err := range result.Units(dir) {
		if err != nil {
			return u, verb{}, err
		}
		v, err := lookup(u.Verb)
		return u, v, err
	}
	return result.Unit{}, verb{}, fmt.Errorf("%s has no units", dir)
}
