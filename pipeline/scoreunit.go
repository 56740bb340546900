package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"oscar/dataset"
	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
	"oscar/internal/named"
	"oscar/internal/paths"
	"oscar/internal/resultdir"
	"oscar/result"
	"oscar/run"
	"oscar/score"
)

// PlanScore prepares the folder of a [Score] and writes its methods and controls as units, with
// paths relative to from. [NewScoreWorker] processes them; [MergeScore] joins the results.
func PlanScore(ctx context.Context, from string, o ScoreOptions) (err error) {
	if err := o.Check(); err != nil {
		return err
	}
	dir, err := resultdir.Open(o.Out, scoreKind)
	if err != nil {
		return err
	}
	defer run.Release(ctx, dir, &err)
	s, err := o.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.prepare(dir.Resumed); err != nil {
		return err
	}
	return result.WriteUnits(o.Out, from, func(yield func(result.Unit, error) bool) {
		for i, m := range s.methods {
			if !yield(result.Unit{
				ID: "score/" + m.Name, Verb: "score", Out: o.Out, Model: o.Model, Number: i, Part: m.Name + ".json", Method: s.Settings.Method,
				Data: o.Data, Split: o.Part, Masks: o.Masks, MaxPixels: o.Machine.Limits.MaxPixels, MaxBytes: o.Machine.Limits.MaxBytes,
			}, nil) {
				return
			}
		}
	})
}

// scoreOptions returns the options of the [Score] that a unit belongs to.
func scoreOptions(u result.Unit, on Machine, l Listener) (ScoreOptions, scored, error) {
	var planned scored
	if err := readPlanned(u.Out, scoringFile, &planned); err != nil {
		return ScoreOptions{}, planned, err
	}
	on.Limits = dataset.Limits{MaxPixels: u.MaxPixels, MaxBytes: u.MaxBytes}
	o := ScoreOptions{Model: u.Model, Data: u.Data, Part: u.Split, Masks: u.Masks, Out: u.Out, Settings: planned.Settings, Scoring: planned.Scoring, Machine: on, Listener: l}
	o.Settings.Method = u.Method
	return o, planned, o.checkPlanned()
}

// scoreWorker processes units of a [Score].
type scoreWorker struct{ *scoreJob }

// NewScoreWorker opens the model and reads the images of a unit of [PlanScore].
func NewScoreWorker(ctx context.Context, u result.Unit, on Machine, l Listener) (UnitWorker, error) {
	o, planned, err := scoreOptions(u, on, l)
	if err != nil {
		return nil, err
	}
	s, err := o.open(ctx)
	if err != nil {
		return nil, err
	}
	planned.Settings = withDrawing(planned.Settings, s.asked().Settings)
	if what := planned.difference(s.asked()); what != "" {
		s.close()
		return nil, fmt.Errorf("%s was planned with %s; plan again in a new folder", u.Out, what)
	}
	return scoreWorker{s}, nil
}

func (w scoreWorker) Close() { w.close() }

// Do scores a method or a control.
func (w scoreWorker) Do(ctx context.Context, u result.Unit) (result.Outcome, error) {
	i := slices.IndexFunc(w.methods, func(m score.Method) bool { return m.Name+".json" == u.Part })
	if i < 0 {
		return result.Outcome{}, fmt.Errorf("unit %s: no method or control of the job has the part %s", u.ID, u.Part)
	}
	unlock, err := LockUnit(ctx, u)
	if err != nil {
		return result.Outcome{}, err
	}
	defer unlock()
	damage := checksum.Check(u.Out, partsDir+"/"+u.Part)
	earlier := damage == nil && paths.Exists(filepath.Join(u.Out, partsDir, u.Part))
	t, err := w.part(ctx, i, w.methods[i])
	return result.Outcome{Earlier: earlier, Images: t.Images, Rows: len(t.Rows)}, err
}

// MergeScore makes score.json from finished units, as [Score] does.
func MergeScore(ctx context.Context, o MergeOptions) (_ *Scores, err error) {
	dir, err := resultdir.Open(o.Dir, scoreKind)
	if err != nil {
		return nil, err
	}
	defer run.Release(ctx, dir, &err)
	if err := removeIfExists(filepath.Join(o.Dir, partsDir, atomicfile.LockFile)); err != nil { // left by workers
		return nil, err
	}
	missing, all, first := 0, 0, ""
	var last result.Unit
	for u, err := range result.Units(o.Dir) {
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(filepath.Join(o.Dir, partsDir, u.Part)); err != nil {
			if missing++; missing == 1 {
				first = u.ID
			}
		}
		all, last = all+1, u
	}
	if missing > 0 {
		return nil, NotDone(o.Dir, missing, all, first)
	}
	last.Out = o.Dir
	options, _, err := scoreOptions(last, o.Machine, o.Listener)
	if err != nil {
		return nil, err
	}
	return options.scoreIn(ctx, dir)
}

// checkPlanned is [ScoreOptions.Check] for a unit. A unit's settings have the layer that [PlanScore]
// chose, even if the method does not use a layer.
func (o ScoreOptions) checkPlanned() error {
	if err := errors.Join(CheckSettings(o.Settings), o.Scoring.Check(), named.Check("split part", o.Part, dataset.PartNames), o.Machine.Check(), o.Settings.Precision.Check()); err != nil {
		return err
	}
	if c := o.Settings.Class; c != TargetPredicted && c != TargetTrue {
		return fmt.Errorf("class is %q, want predicted or true: every image is judged by one", c)
	}
	return nil
}
