package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"oscar/internal/atomicfile"
	"oscar/internal/paths"
	"oscar/result"
	"oscar/score"
)

// ScoreOptions are the options of [Score].
type ScoreOptions struct {
	Model    string // a run or a SavedModel
	Data     string // folder with one sub-folder a class; empty: the run's own
	Part     string // of the run's split, or all: every image below Data
	Masks    string // folder with a mask an image, see [Score]; empty: the one beside a synthetic set
	Out      string // folder for the results
	Settings Settings
	Scoring  score.Options
	Machine  Machine
	Listener Listener
}

// Scores are what [Score] writes to score.json.
type Scores = result.Scores

// Within a folder of scores.
const (
	scoringFile  = "scoring.json"
	scoresFile   = result.ScoreFile
	scorePicture = "score.png"
)

// Check reports options that cannot be, whatever the model.
func (o ScoreOptions) Check() error {
	if err := errors.Join(CheckSettings(o.Settings), checkLayer(o.Settings), o.Scoring.Check(), checkPart(o.Part), o.Machine.Check()); err != nil {
		return err
	}
	if c := o.Settings.Class; c != TargetPredicted && c != TargetTrue {
		return fmt.Errorf("class is %q, want predicted or true: every image is judged by one", c)
	}
	return nil
}

// Score judges methods of explanation by numbers and writes, below Out,
// score.json and score.png. Controls stand in the table: noise of one value a
// pixel, noise as coarse as the explained layer's maps, and an edge detector.
//
// Masks lie in Masks as the images do in the data, <class>/<name>.png, white
// where the object is. The sanity check explains a second opening of the model,
// whose layers take initial values from the logits down; a frozen model has no
// variables to set, so that the check is left out.
//
// A method's scores are written when they are complete: the same call goes on
// with the next one, and one with more methods computes those alone.
func Score(ctx context.Context, o ScoreOptions) (*Scores, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	s, err := o.open(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.prepare(); err != nil {
		return nil, err
	}
	var parts []score.Table
	for i, m := range s.methods {
		part, err := s.part(ctx, i, m)
		if err != nil {
			if ctx.Err() != nil {
				return nil, fmt.Errorf("%w; the same command goes on with %s", ErrInterrupted, m.Name)
			}
			return nil, err
		}
		parts = append(parts, part)
	}
	return s.finish(parts)
}

// prepare makes the folder of results, or checks that it holds results of the
// same settings, and takes it.
func (s *scoring) prepare() error {
	path := filepath.Join(s.Out, scoringFile)
	if !paths.Exists(path) {
		if err := unclaimed(s.Out); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(s.Out, 0o777); err != nil {
		return fmt.Errorf("cannot make the folder %s: %w", s.Out, paths.TrimError(err))
	}
	var err error
	if s.held, err = atomicfile.Lock(s.Out); err != nil {
		return err
	}
	asked := scored{Settings: s.Settings, Scoring: s.Scoring, Cases: s.cases.digest()}
	asked.Settings.Method = "" // methods may be added
	var before scored
	switch err := atomicfile.ReadJSON(path, &before); {
	case errors.Is(err, os.ErrNotExist):
		if err := atomicfile.WriteJSON(path, asked); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		before.Settings = withDrawing(before.Settings, asked.Settings)
		if what := before.difference(asked); what != "" {
			return fmt.Errorf("%s holds scores made with %s; name a new folder", s.Out, what)
		}
	}
	parts := filepath.Join(s.Out, partsDir)
	if err := os.MkdirAll(parts, 0o777); err != nil {
		return err
	}
	return errors.Join(atomicfile.Clean(s.Out), atomicfile.Clean(parts))
}

// scored is what must not differ between the methods of one table.
type scored struct {
	Settings Settings      `json:"settings"` // but for the method
	Scoring  score.Options `json:"scoring"`
	Cases    string        `json:"cases"` // hash of images, classes and masks
}

func (s scored) difference(now scored) string {
	switch {
	case s.Settings != now.Settings:
		return difference(s.Settings, now.Settings)
	case !slices.Equal(s.Scoring.Metrics, now.Scoring.Metrics):
		return "other metrics"
	case s.Scoring.PerClass != now.Scoring.PerClass || s.Scoring.Mosaics != now.Scoring.Mosaics:
		return fmt.Sprintf("per-class %d and mosaics %d, not %d and %d", s.Scoring.PerClass, s.Scoring.Mosaics, now.Scoring.PerClass, now.Scoring.Mosaics)
	case s.Cases != now.Cases:
		return "other images or masks"
	}
	return ""
}
