package pipeline

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"oscar/explain"
	"oscar/internal/paths"
	"oscar/result"
)

// showcaseDir is where a run has the explanations of [Showcase].
const showcaseDir = "explanations"

// Showcase explains by Grad-CAM those test images of a finished run that its report
// shows: of each class the first that the model is right about, and those that it is
// surest about, wrong and right. They lie in RUN/explanations. What an earlier call did not finish is finished; where there are
// explanations already, or no test part, nothing is done. The run is whole without:
// what goes wrong is noted, and only an interruption is an error.
func Showcase(ctx context.Context, r *Run, machine Machine, listener Listener) error {
	out := r.path(showcaseDir)
	mine := paths.Exists(filepath.Join(out, settingsFile)) || unclaimed(out) == nil
	if !mine || paths.Exists(filepath.Join(out, result.ManifestFile)) || len(r.Split.Test) == 0 {
		return nil
	}
	listener.stage("explaining test images for the report")
	quiet := listener
	quiet.Note, quiet.Stage = nil, nil // of files that are gone the evaluation has told
	paths, err := r.showpieces(ctx, machine, quiet)
	if err == nil {
		_, err = Explain(ctx, ExplainOptions{Model: r.Dir, Paths: paths, Out: out, Settings: DefaultSettings(), Machine: machine, Listener: quiet})
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return fmt.Errorf("%w while images were explained for the report; the run %s is whole", ErrInterrupted, r.Dir)
	default:
		listener.note(fmt.Sprintf("no maps in the report: %v", err))
	}
	return nil
}

// showpieces returns the paths of the images to be shown, chosen by the
// classifications of the test part. A run of an older version has none: then the
// test part is evaluated again.
func (r *Run) showpieces(ctx context.Context, machine Machine, listener Listener) ([]string, error) {
	e, err := r.Evaluation()
	if err == nil && (e == nil || e.Classifications == nil) {
		e, err = Evaluate(ctx, EvaluateOptions{Model: r.Dir, Part: "test", Machine: machine, Listener: listener})
	}
	if err != nil {
		return nil, err
	}
	s := &showpieces{examples: map[string][]exhibit{}}
	for _, c := range e.Classifications {
		s.add(filepath.Join(r.Images(), filepath.FromSlash(c.Image)), c)
	}
	return s.paths(), nil
}

// showpieces are the images that a report shows.
type showpieces struct {
	examples     map[string][]exhibit
	wrong, right []exhibit
}

// add chooses an image if it is better than those chosen before.
func (s *showpieces) add(path string, c result.Classification) {
	row := Row{Image: path, Predicted: c.Predicted, Status: string(explain.OK)}
	if c.Probability != nil {
		row.Probabilities = map[string]float32{c.Predicted: *c.Probability}
	}
	e := exhibit{rows: []Row{row}, truth: c.Truth}
	if e.right() {
		s.right = surest(s.right, e, shownRight)
	} else {
		s.wrong = surest(s.wrong, e, shownWrong)
	}
	if list := s.examples[e.truth]; len(s.examples) < mostShelves || list != nil {
		s.examples[e.truth] = better(list, e, shownAlone)
	}
}

func (s *showpieces) paths() (paths []string) {
	for _, list := range append(slices.Collect(maps.Values(s.examples)), s.wrong, s.right) {
		for _, e := range list {
			paths = append(paths, e.first().Image)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}
