package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"oscar/dataset"
	"oscar/internal/atomicfile"
)

// CheckEdits compares experiment.json with the settings of the newest checkpoint.
// Edits that the run may continue with are noted, others are errors.
func (r *Run) CheckEdits(listener Listener) error {
	s, _, err := r.checkpoints().newest()
	if err != nil || s.Experiment == nil {
		return nil // nothing was trained, or by an older oscar
	}
	edits, err := r.Experiment.Edits(s.Experiment)
	if err != nil {
		return err
	}
	for _, e := range edits {
		switch {
		case !e.Allowed:
			return fmt.Errorf("%s: %s is %s, and the run was trained with %s until step %d; put it back, or train a new run",
				r.Path(ExperimentFile), e.Key, orNone(e.Is), orNone(e.Was), s.Step)
		case e.Key != "data.root":
			listener.Note(fmt.Sprintf("%s is %s, and was %s until step %d", e.Key, orNone(e.Is), orNone(e.Was), s.Step))
		}
		if e.Key == "training.epochs" && r.Experiment.Training.Schedule.Kind == "cosine" {
			listener.Note("the learning rate schedule depends on the number of epochs: the run differs from one of that length")
		}
	}
	return nil
}

func orNone(value string) string {
	if value == "" {
		return "none"
	}
	return value
}

// Lengthen sets the number of epochs. A finished run is finished no more.
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
	// Killed in between, the run is evaluated again.
	if err := os.Remove(r.Path(EvaluationFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return atomicfile.WriteJSON(r.Path(ExperimentFile), r.Experiment)
}

func (r *Run) finished() bool {
	_, err := os.Stat(r.Path(EvaluationFile))
	return err == nil
}

// Move sets the folder of the images. All images of the split must be there with
// the same content.
func (r *Run) Move(ctx context.Context, data string, workers int, listener Listener) error {
	root, err := filepath.Abs(data)
	if err != nil {
		return err
	}
	folder, err := dataset.Scan(ctx, data, dataset.ScanOptions{Limits: r.Experiment.Data.Limits(), Workers: workers, Progress: listener.Count})
	if err != nil {
		return err
	}
	found := map[string]string{}
	for _, item := range folder.Items {
		found[item.Path] = item.SHA256
	}
	items := slices.Concat(r.Split.Train, r.Split.Validation, r.Split.Test)
	other := slices.DeleteFunc(slices.Clone(items), func(item dataset.Item) bool { return found[item.Path] == item.SHA256 })
	if len(other) > 0 {
		return fmt.Errorf("%d of the run's %d images are missing or changed in %s, the first is %s", len(other), len(items), data, other[0].Path)
	}
	if r.Experiment.Data.Root == root {
		return nil
	}
	r.Experiment.Data.Root = root
	return atomicfile.WriteJSON(r.Path(ExperimentFile), r.Experiment)
}

// Finish removes the checkpoints that a finished run needs no more.
func (r *Run) Finish() error { return r.checkpoints().keepNewest() }
