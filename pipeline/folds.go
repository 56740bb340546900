package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"oscar/dataset"
	"oscar/internal/checksum"
	"oscar/internal/paths"
	"oscar/internal/resultdir"
	"oscar/metric"
	"oscar/result"
	"oscar/run"
)

// FoldsOptions are the options of [CrossValidate].
type FoldsOptions struct {
	TrainOptions     // Out is the folder of the cross-validation
	Folds        int // at least 2
}

// foldsKind describes the folders of cross-validations.
var foldsKind = resultdir.Kind{Run: true, Mark: result.FoldsFile, Early: []string{"fold-*", run.PretrainedDir, checksum.File}}

// IsFolds reports whether dir is the folder of a cross-validation.
func IsFolds(dir string) bool { return paths.Exists(filepath.Join(dir, result.FoldsFile)) }

// CrossValidate divides the images into folds and trains a run for each fold. A run is tested on its
// fold and trained on the others; see [dataset.NewFolds]. CrossValidate writes the metrics over the
// folds and the out-of-fold prediction of each image. When ctx is canceled it saves after the
// current step and returns [ErrInterrupted]. [ResumeFolds] continues.
func CrossValidate(ctx context.Context, o FoldsOptions) (_ *result.Folds, err error) {
	if err := o.checkFolds(); err != nil {
		return nil, err
	}
	dir, err := resultdir.Open(o.Out, foldsKind)
	if err != nil {
		return nil, err
	}
	defer run.Release(ctx, dir, &err)
	if dir.Resumed {
		return nil, fmt.Errorf("%s holds another cross-validation; continue with \"oscar train --resume %s\", or name a new folder", o.Out, o.Out)
	}
	if err := o.create(ctx, dir); err != nil {
		return nil, err
	}
	return trainFolds(ctx, ResumeOptions{Run: o.Out, Machine: o.Machine, Listener: o.Listener})
}

// checkFolds returns an error for the first invalid option.
func (o FoldsOptions) checkFolds() error {
	if o.Folds < 2 {
		return cmp.Or(o.Check(), fmt.Errorf("folds is %d, want at least 2", o.Folds))
	}
	return o.Check()
}

// ResumeFolds continues a cross-validation. It skips finished runs.
func ResumeFolds(ctx context.Context, o ResumeOptions) (_ *result.Folds, err error) {
	if o.Epochs != 0 {
		return nil, errors.New("the runs of a cross-validation cannot be trained on; name a new folder and the number of epochs")
	}
	if err := o.Machine.Check(); err != nil {
		return nil, err
	}
	dir, err := resultdir.Open(o.Run, foldsKind)
	if err != nil {
		return nil, err
	}
	defer run.Release(ctx, dir, &err)
	return trainFolds(ctx, o)
}

// create makes the untrained runs, and then the file that marks the folder.
func (o FoldsOptions) create(ctx context.Context, dir *resultdir.Dir) (err error) {
	if err := removeFolds(dir.Path); err != nil { // left by a process that was killed
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, removeFolds(dir.Path))
		}
	}()
	from, err := o.pretrained(ctx, dir)
	if err != nil {
		return err
	}
	folder, e, err := o.scan(ctx, from)
	if err != nil {
		return err
	}
	splits, err := dataset.NewFolds(folder, o.Folds, e.Data.Fractions, e.Seed)
	if err != nil {
		return err
	}
	if err := o.check(e, splits[0]); err != nil {
		return err
	}
	nan := result.Number(math.NaN())
	unknown := result.Figure{Mean: nan, Low: nan, High: nan}
	f := &result.Folds{Format: 1, Data: e.Data.Root, Classes: folder.Classes, Accuracy: unknown, Loss: unknown, MacroF1: unknown,
		Notes: append(dataset.Grouped(splits[0].Notes), dataset.LeftOut(splits[0].Unreadable)...)}
	env := run.NewEnvironment(o.Machine.Config(e.Training.Precision), e.Seed)
	for k, split := range splits {
		x := result.FoldRun{Fold: k + 1, Run: fmt.Sprintf("fold-%d", k+1), Train: len(split.Train), Images: len(split.Test), Accuracy: nan, Loss: nan, MacroF1: nan}
		out, err := run.Claim(filepath.Join(dir.Path, x.Run))
		if err != nil {
			return err
		}
		if from != nil {
			err = os.CopyFS(filepath.Join(out.Path, run.PretrainedDir), os.DirFS(filepath.Join(dir.Path, run.PretrainedDir)))
		}
		if err == nil {
			_, err = run.Create(out, e, env, split)
		}
		if err := errors.Join(err, out.Close()); err != nil {
			return err
		}
		f.Runs = append(f.Runs, x)
	}
	if err := os.RemoveAll(filepath.Join(dir.Path, run.PretrainedDir)); err != nil {
		return err
	}
	return checksum.WriteJSON(dir.Path, result.FoldsFile, f)
}

// removeFolds removes everything that create makes.
func removeFolds(dir string) error {
	made, err := filepath.Glob(filepath.Join(dir, "fold-*"))
	if err != nil {
		return err
	}
	for _, path := range append(made, filepath.Join(dir, run.PretrainedDir)) {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}

// trainFolds trains the unfinished runs and writes the result.
func trainFolds(ctx context.Context, o ResumeOptions) (*result.Folds, error) {
	f, err := result.ReadFolds(o.Run)
	if err != nil {
		return nil, err
	}
	for k, x := range f.Runs {
		name := fmt.Sprintf("fold %d of %d", x.Fold, len(f.Runs))
		one := o
		one.Run = filepath.Join(o.Run, x.Run)
		one.Listener = ofFold(o.Listener, name, len(f.Runs)-1-k)
		r, already, err := continueRun(ctx, one)
		if errors.Is(err, ErrInterrupted) {
			return nil, fmt.Errorf("%w in %s; continue with --resume %s", ErrInterrupted, name, o.Run)
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if already {
			o.Listener.Note(name + " is finished already")
		}
		if err := run.Prune(r.Dir); err != nil {
			return nil, err
		}
	}
	return f, concludeFolds(o.Run, f)
}

// ofFold forwards the events of a fold's run. left is the number of unfinished runs.
func ofFold(l Listener, name string, left int) Listener {
	one := l
	one.OnStage = func(stage string) { l.Stage(name + ": " + stage) }
	if l.OnStep != nil {
		one.OnStep = func(i StepInfo) {
			done := (float64(i.Epoch-1) + float64(i.Done)/float64(i.Total)) / float64(i.Epochs)
			if done < 1 {
				i.Left += time.Duration(float64(left) * float64(i.Left) / (1 - done))
			}
			l.OnStep(i)
		}
	}
	return one
}

// concludeFolds writes the metrics of the finished runs.
func concludeFolds(dir string, f *result.Folds) error {
	var accuracy, loss, f1 []float64
	var rows []result.OutOfFold
	together := &Evaluation{Part: "all", Confusion: metric.NewConfusion(f.Classes)}
	for k := range f.Runs {
		x := &f.Runs[k]
		r, err := OpenRun(filepath.Join(dir, x.Run))
		if err != nil {
			return err
		}
		e, err := r.Evaluation()
		if err == nil && e == nil {
			err = fmt.Errorf("%s has no %s", r.Dir, run.EvaluationFile)
		}
		if err != nil {
			return err
		}
		x.Epoch, x.Accuracy, x.Loss, x.MacroF1 = e.Epoch, e.Accuracy, e.Loss, e.MacroF1
		accuracy, loss, f1 = append(accuracy, float64(e.Accuracy)), append(loss, float64(e.Loss)), append(f1, float64(e.MacroF1))
		together.Precision = e.Precision
		together.Unreadable += e.Unreadable
		for _, c := range e.Classifications {
			if err := count(together, c); err != nil {
				return err
			}
			rows = append(rows, result.OutOfFold{Fold: x.Fold, Classification: c})
		}
	}
	conclude(together)
	together.Classifications = nil // predictions.csv has them
	f.Together = together
	f.Accuracy, f.Loss, f.MacroF1 = overFolds(accuracy, 1), overFolds(loss, math.Inf(1)), overFolds(f1, 1)
	if err := checksum.Stream(dir, result.FoldsTable, func(w io.Writer) error { return result.WriteOutOfFold(w, f.Classes, rows) }); err != nil {
		return err
	}
	return checksum.WriteJSON(dir, result.FoldsFile, f)
}

// overFolds returns the mean of a metric over the folds, with Student's interval, clipped to
// 0..most. Equal values have no interval: they do not tell how much others would differ.
func overFolds(values []float64, most float64) result.Figure {
	mean, low, high := metric.Student95(values)
	kind := result.StudentT
	if slices.Min(values) == slices.Max(values) {
		kind, low, high = result.None, math.NaN(), math.NaN()
	} else {
		low, high = max(low, 0), min(high, most)
	}
	return result.Figure{Mean: result.Number(mean), Low: result.Number(low), High: result.Number(high), Interval: kind, N: len(values)}
}
