package worker

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"oscar/internal/paths"
	"oscar/pipeline"
	"oscar/result"
	"oscar/study"
)

// verb is a command that can be planned.
type verb struct {
	name  string
	open  func(ctx context.Context, u result.Unit, on pipeline.Machine, l pipeline.Listener) (pipeline.UnitWorker, error)
	merge func(ctx context.Context, o pipeline.MergeOptions) (Merged, error)
}

// Merged is the result of [Merge], as of the command itself.
type Merged struct {
	Explain *pipeline.Summary
	Predict *pipeline.PredictSummary
	Score   *pipeline.Scores
	Study   *result.Study
}

// thisProgram is the path of the running oscar, valid even if the file was replaced.
var thisProgram = []string{"/proc/self/exe"}

// verbs is the table of verbs that can be planned.
var verbs = []verb{
	{"explain", pipeline.NewExplainWorker, func(ctx context.Context, o pipeline.MergeOptions) (m Merged, err error) {
		m.Explain, err = pipeline.MergeExplain(ctx, o)
		return m, err
	}},
	{"predict", pipeline.NewPredictWorker, func(ctx context.Context, o pipeline.MergeOptions) (m Merged, err error) {
		m.Predict, err = pipeline.MergePredict(ctx, o)
		return m, err
	}},
	{"score", pipeline.NewScoreWorker, func(ctx context.Context, o pipeline.MergeOptions) (m Merged, err error) {
		m.Score, err = pipeline.MergeScore(ctx, o)
		return m, err
	}},
	{"study", func(_ context.Context, u result.Unit, on pipeline.Machine, l pipeline.Listener) (pipeline.UnitWorker, error) {
		return study.NewWorker(u, thisProgram, on, l)
	}, func(ctx context.Context, o pipeline.MergeOptions) (m Merged, err error) {
		m.Study, err = study.Merge(ctx, o)
		return m, err
	}},
}

// lookup returns a verb by name.
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

// Merge joins the units of a planned job to its results. It changes to the folder
// where the job was planned, since the results name images relative to it.
func Merge(ctx context.Context, o pipeline.MergeOptions) (Merged, error) {
	for u, err := range result.Units(o.Dir) {
		if err != nil {
			return Merged{}, err
		}
		v, err := lookup(u.Verb)
		if err != nil {
			return Merged{}, err
		}
		dir := paths.Absolute(o.Dir)
		if err := os.Chdir(u.From); err != nil {
			return Merged{}, fmt.Errorf("the folder from which the job was planned: %w", err)
		}
		if o.Dir = dir; paths.Absolute(u.Out) == dir {
			o.Dir = filepath.Clean(u.Out)
		}
		return v.merge(ctx, o)
	}
	return Merged{}, fmt.Errorf("%s has no units", o.Dir)
}
