package pipeline

import (
	"context"
	"fmt"
	"path/filepath"

	"oscar/internal/checksum"
	"oscar/internal/paths"
	"oscar/internal/resultdir"
	"oscar/result"
)

// showcaseDir is the folder of [Showcase]'s explanations in a run.
const showcaseDir = "explanations"

// Showcase explains the test images that a finished run's report shows (see [result.Chooser]) by
// Grad-CAM, in RUN/explanations. It resumes an interrupted call. It does nothing if the explanations
// exist or there is no test part. Errors are only noted, because the run is complete without them.
// An interruption is returned.
func Showcase(ctx context.Context, r *Run, machine Machine, listener Listener) error {
	out := r.Path(showcaseDir)
	_, taken := resultdir.Kind{Mark: result.SettingsFile}.Check(out)
	if taken != nil || len(r.Split.Test) == 0 {
		return nil
	}
	if paths.Exists(filepath.Join(out, result.ManifestFile)) {
		err := checksum.CheckAll(out)
		if !checksum.Is(err) {
			return err
		}
		listener.Note(fmt.Sprintf("%v; it is made again", err))
	}
	listener.Stage("explaining test images for the report")
	quiet := listener
	quiet.OnNote, quiet.OnStage = nil, nil // the evaluation has already noted missing files
	images, err := r.shown(ctx, machine, quiet)
	if err == nil {
		settings := DefaultSettings()
		settings.Selection = result.SelectedForReport
		_, err = Explain(ctx, ExplainOptions{Model: r.Dir, Paths: images, Out: out, Settings: settings, Machine: machine, Listener: quiet})
	}
	if err == nil {
		err = r.writeMaps(out)
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return fmt.Errorf("%w while images were explained for the report; the run %s is complete", ErrInterrupted, r.Dir)
	default:
		listener.Note(fmt.Sprintf("no maps in the report: %v", err))
	}
	return nil
}

// shown returns the paths of the test images that the report shows.
func (r *Run) shown(ctx context.Context, machine Machine, listener Listener) ([]string, error) {
	e, err := r.Evaluation()
	if err == nil && (e == nil || e.Classifications == nil) { // the run is of an older version
		e, err = Evaluate(ctx, EvaluateOptions{Model: r.Dir, Part: "test", Machine: machine, Listener: listener})
	}
	if err != nil {
		return nil, err
	}
	chooser := result.NewChooser(r.Split.Classes)
	for _, a := range e.Classifications {
		chooser.Add(a)
	}
	images := chooser.Shown(result.ShownPerClass).All()
	for i, image := range images {
		images[i] = filepath.Join(r.Images(), filepath.FromSlash(image))
	}
	return images, nil
}
