package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"oscar/dataset"
	"oscar/experiment"
	"oscar/internal/checksum"
	"oscar/internal/paths"
	"oscar/result"
)

// CheckEdits compares experiment.json with the settings of the newest checkpoint.
// It notes allowed changes; other changes are errors.
func (r *Run) CheckEdits(listener Listener) error {
	s, _, err := r.checkpoints().newest()
	if err != nil || s.Experiment == nil { // nothing was trained, or only by an older oscar
		if r.edited && r.finished() {
			return &checksum.Damage{Dir: r.Dir, Name: ExperimentFile}
		} else if r.edited {
			listener.Note(r.Path(ExperimentFile) + " was edited; there is no checkpoint to compare it with")
		}
		return nil
	}
	if r.edited {
		listener.Note(r.Path(ExperimentFile) + " was edited since oscar wrote it")
	}
	edits, err := r.edits(s)
	if err != nil {
		return err
	}
	for _, e := range edits {
		if e.Key != "data.root" {
			listener.Note(fmt.Sprintf("%s is %s, and was %s until step %d", e.Key, orNone(e.Is), orNone(e.Was), s.Step))
		}
		if e.Key == "training.epochs" && r.Experiment.Training.Schedule.Kind == "cosine" {
			listener.Note("the learning rate schedule depends on the number of epochs: the run differs from one of that length")
		}
	}
	return nil
}

// edits returns the differences from a checkpoint's settings. A difference that is not allowed is an
// error.
func (r *Run) edits(s state) ([]experiment.Edit, error) {
	edits, err := r.Experiment.Edits(s.Experiment)
	if err != nil {
		return nil, err
	}
	for _, e := range edits {
		if !e.Allowed {
			return nil, fmt.Errorf("%s: %s is %s, and the run was trained with %s until step %d; put it back, or train a new run",
				r.Path(ExperimentFile), e.Key, orNone(e.Is), orNone(e.Was), s.Step)
		}
	}
	return edits, nil
}

func orNone(value string) string {
	if value == "" {
		return "none"
	}
	return value
}

// Lengthen sets the number of epochs. This makes a finished run unfinished.
func (r *Run) Lengthen(epochs int) error {
	s, _, err := r.checkpoints().newest()
	switch {
	case epochs == r.Experiment.Training.Epochs:
		return nil
	case err != nil && r.finished():
		return fmt.Errorf("%s has no checkpoint to continue from", r.Dir)
	case epochs < max(1, s.Epoch):
		return fmt.Errorf("epochs is %d, and %s has trained %d; want more", epochs, r.Dir, s.Epoch)
	}
	r.Experiment.Training.Epochs = epochs
	if err := r.Experiment.Check(); err != nil {
		return err
	}
	// If the process is killed after this line, the run is evaluated again.
	if err := checksum.Delete(r.Dir, EvaluationFile); err != nil {
		return err
	}
	return checksum.WriteJSON(r.Dir, ExperimentFile, r.Experiment)
}

func (r *Run) finished() bool {
	_, err := os.Stat(r.Path(EvaluationFile))
	return err == nil
}

// Move sets the folder of the images. The folder must have all images of the split, with the same
// content.
func (r *Run) Move(ctx context.Context, data string, workers int, listener Listener) error {
	root, err := filepath.Abs(data)
	if err != nil {
		return err
	}
	if info, err := os.Stat(data); err != nil || !info.IsDir() {
		return fmt.Errorf("cannot read image folder %q: %w", data, cmp.Or(paths.TrimError(err), errors.New("not a folder")))
	}
	items := slices.Concat(r.Split.Train, r.Split.Validation, r.Split.Test)
	other, err := dataset.Changed(ctx, root, items, dataset.ScanOptions{Limits: r.Experiment.Data.Limits(), Hashes: Hashes(), Workers: workers, Progress: listener.Count})
	if err != nil {
		return err
	}
	if len(other) > 0 {
		return fmt.Errorf("%d of the run's %d images are missing or changed in %s, the first is %s", len(other), len(items), data, other[0].Path)
	}
	if r.Experiment.Data.Root == root {
		return nil
	}
	r.Experiment.Data.Root = root
	return checksum.WriteJSON(r.Dir, ExperimentFile, r.Experiment)
}

// KeepEdits records experiment.json as intact. Call it after [Run.CheckEdits].
func (r *Run) KeepEdits() error {
	if !r.edited {
		return nil
	}
	r.edited = false
	return checksum.Update(r.Dir, ExperimentFile)
}

// Finish removes the checkpoints that a finished run does not need.
func (r *Run) Finish() error { return r.checkpoints().keepNewest() }

// Repair restores damaged files that need no training, and notes damaged files. finished is true if
// the run is evaluated and exported, with all files intact. trained is true if its training is
// finished.
func (r *Run) Repair(listener Listener) (finished, trained bool, err error) {
	if err := Discarded(r.Dir); err != nil {
		return false, false, err
	}
	damaged := func(dir string, names ...string) bool {
		err := checksum.Check(dir, names...)
		if checksum.Is(err) {
			listener.Note(fmt.Sprintf("%v; it is made again", err))
		}
		return checksum.Is(err)
	}
	if damaged(r.Dir, result.NetworkFile) {
		n, err := network(r.Experiment)
		if err == nil {
			err = checksum.WriteJSON(r.Dir, result.NetworkFile, n)
		}
		if err != nil {
			return false, false, err
		}
	}
	list, err := checksum.Read(r.Dir)
	if _, listed := list[EvaluationFile]; err != nil || !listed && !r.finished() {
		return false, false, err
	}
	finished, trained = paths.Exists(r.Model()), true
	best, err := r.restoreBest(listener)
	if err != nil {
		return false, false, err
	}
	trained = best
	if damaged(r.Model()) {
		finished = false
		if err := os.RemoveAll(r.Model()); err != nil {
			return false, false, err
		}
	}
	if damaged(r.Dir, EvaluationFile) || !finished && !best { // an evaluation of lost weights is also invalid
		finished = false
		if err := checksum.Delete(r.Dir, EvaluationFile); err != nil {
			return false, false, err
		}
	}
	if err := checksum.Check(r.Dir, MetricsFile); checksum.Is(err) {
		if _, _, lost := r.checkpoints().newest(); lost != nil {
			return false, false, err
		}
		finished, trained = false, false
	}
	if finished { // a killed process can leave several checkpoints
		err = r.checkpoints().keepNewest()
	}
	return finished, trained, err
}
