package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"

	"oscar/dataset"
	"oscar/internal/resultdir"
	"oscar/result"
	"oscar/run"
	"oscar/tfmodel"
)

// PlanFolds prepares the folder of a [CrossValidate] and writes its runs as units, with paths
// relative to from. [NewFoldsWorker] trains them; [MergeFolds] joins the results. In a folder with
// the same settings and images, trained runs are kept.
func PlanFolds(ctx context.Context, from string, o FoldsOptions) (err error) {
	if err := o.checkFolds(); err != nil {
		return err
	}
	dir, err := resultdir.Open(o.Out, foldsKind)
	if err != nil {
		return err
	}
	defer run.Release(ctx, dir, &err)
	if dir.Resumed {
		err = o.same(ctx)
	} else {
		err = o.create(ctx, dir)
	}
	if err != nil {
		return err
	}
	f, err := result.ReadFolds(o.Out)
	if err != nil {
		return err
	}
	return result.WriteUnits(o.Out, from, func(yield func(result.Unit, error) bool) {
		for i, x := range f.Runs {
			u := result.Unit{ID: "train/" + x.Run, Verb: "train", Out: o.Out, Number: i, Part: x.Run, Data: o.Data, Cache: string(o.Machine.Cache)}
			if !yield(u, nil) {
				return
			}
		}
	})
}

// same returns an error unless the folder has a cross-validation with these settings and images.
func (o FoldsOptions) same(ctx context.Context) error {
	other := fmt.Errorf("%s holds a cross-validation with other settings or images; name a new folder", o.Out)
	f, err := result.ReadFolds(o.Out)
	if err != nil {
		return err
	}
	if len(f.Runs) != o.Folds {
		return other
	}
	first, err := OpenRun(filepath.Join(o.Out, f.Runs[0].Run))
	if err != nil {
		return err
	}
	from := startingPoint(nil)
	if o.Experiment.FineTune != nil { // the folder has its weights
		from = func(int) (tfmodel.Architecture, error) { return first.Experiment.Architecture, nil }
	}
	folder, e, err := o.scan(ctx, from)
	if err != nil {
		return err
	}
	splits, err := dataset.NewFolds(folder, o.Folds, e.Data.Fractions, e.Seed)
	if err != nil {
		return err
	}
	asked, err := json.Marshal(e)
	if err != nil {
		return err
	}
	has, err := json.Marshal(first.Experiment)
	if err != nil {
		return err
	}
	if string(asked) != string(has) || !reflect.DeepEqual(splits[0].Test, first.Split.Test) || !reflect.DeepEqual(splits[0].Train, first.Split.Train) {
		return other
	}
	return nil
}

// foldsWorker trains runs of a [CrossValidate].
type foldsWorker struct {
	folds    *result.Folds
	machine  Machine
	listener Listener
}

// NewFoldsWorker reads the plan of a unit of [PlanFolds].
func NewFoldsWorker(_ context.Context, u result.Unit, on Machine, l Listener) (UnitWorker, error) {
	f, err := result.ReadFolds(u.Out)
	if err != nil {
		return nil, err
	}
	on.Cache = dataset.CacheMode(u.Cache)
	return foldsWorker{f, on, l}, on.Check()
}

// Close does nothing: each run opens its own model.
func (w foldsWorker) Close() {}

// Do trains the run of a fold, or continues it.
func (w foldsWorker) Do(ctx context.Context, u result.Unit) (result.Outcome, error) {
	for _, x := range w.folds.Runs {
		if x.Run != u.Part {
			continue
		}
		if err := os.MkdirAll(filepath.Join(u.Out, partsDir), 0o777); err != nil { // for the lock
			return result.Outcome{}, err
		}
		unlock, err := LockUnit(ctx, u)
		if err != nil {
			return result.Outcome{}, err
		}
		defer unlock()
		dir := filepath.Join(u.Out, x.Run)
		// A copy from a store lacks empty folders, so an untrained run may lack this one.
		if info, err := os.Stat(filepath.Join(dir, run.MetricsFile)); err == nil && info.Size() == 0 {
			if err := os.MkdirAll(filepath.Join(dir, run.CheckpointsDir), 0o777); err != nil {
				return result.Outcome{}, err
			}
		}
		r, earlier, err := continueRun(ctx, ResumeOptions{Run: dir, Machine: w.machine, Listener: w.listener})
		if err == nil {
			err = run.Prune(r.Dir)
		}
		return result.Outcome{Earlier: earlier, Images: x.Images, Rows: 1}, err
	}
	return result.Outcome{}, fmt.Errorf("unit %s: the cross-validation has no run %s", u.ID, u.Part)
}

// isEvaluated reports whether a run is finished. In a copy from a store the run may be missing.
func isEvaluated(dir string) (bool, error) {
	if !run.Is(dir) {
		return false, nil
	}
	r, err := OpenRun(dir)
	if err != nil {
		return false, err
	}
	e, err := r.Evaluation()
	return e != nil, err
}

// MergeFolds makes the result of a [CrossValidate] from trained runs.
func MergeFolds(ctx context.Context, o MergeOptions) (_ *result.Folds, err error) {
	dir, err := resultdir.Open(o.Dir, foldsKind)
	if err != nil {
		return nil, err
	}
	defer run.Release(ctx, dir, &err)
	f, err := result.ReadFolds(o.Dir)
	if err != nil {
		return nil, err
	}
	missing, first := 0, ""
	for _, x := range f.Runs {
		done, err := isEvaluated(filepath.Join(o.Dir, x.Run))
		if err != nil {
			return nil, err
		}
		if !done {
			if missing++; missing == 1 {
				first = "train/" + x.Run
			}
		}
	}
	if missing > 0 {
		return nil, NotDone(o.Dir, missing, len(f.Runs), first)
	}
	parts := filepath.Join(o.Dir, partsDir) // it has only the units' lock
	if err := os.RemoveAll(parts); err != nil {
		return nil, err
	}
	return f, concludeFolds(o.Dir, f)
}
