package pipeline

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"oscar/dataset"
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

// showpieces returns the paths of the images to be shown: chosen while the test part was
// evaluated, or by evaluating it again, if that was another process's work.
func (r *Run) showpieces(ctx context.Context, machine Machine, listener Listener) ([]string, error) {
	if r.shown == nil {
		shown := r.newShowpieces()
		if _, err := Evaluate(ctx, EvaluateOptions{Model: r.Dir, Part: "test", Machine: machine, Listener: listener, answer: shown.see}); err != nil {
			return nil, err
		}
		r.shown = shown
	}
	return r.shown.paths(), nil
}

// showpieces are the images that a report shows.
type showpieces struct {
	images       string
	classes      []string
	examples     map[string][]exhibit
	wrong, right []exhibit
}

func (r *Run) newShowpieces() *showpieces {
	return &showpieces{images: r.Images(), classes: r.Split.Classes, examples: map[string][]exhibit{}}
}

// see hears what the model says of an image.
func (s *showpieces) see(item dataset.Item, probabilities []float32) {
	said := argmax(probabilities)
	row := Row{Image: filepath.Join(s.images, filepath.FromSlash(item.Path)), Predicted: s.classes[said], Status: string(explain.OK)}
	row.Probabilities = map[string]float32{row.Predicted: probabilities[said]}
	e := exhibit{rows: []Row{row}, truth: s.classes[item.Class]}
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
