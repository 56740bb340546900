package instance

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"oscar/instance/maskrcnn"
	"oscar/internal/checkpoint"
	"oscar/internal/checksum"
	"oscar/internal/jsonerror"
)

// state is the position of a training. State and variables are sufficient to resume to the same
// bits.
type state struct {
	Format   int             `json:"format"` // 1
	Step     int             `json:"step"`
	Epoch    int             `json:"epoch"`    // epochs done
	Position int             `json:"position"` // scenes done in the current epoch
	Losses   maskrcnn.Losses `json:"losses"`   // summed over these scenes
	Seconds  float64         `json:"seconds"`
	Best     int             `json:"best"` // the epoch with the highest mask AP, from 1
	Epochs   []Epoch         `json:"epochs"`
}

const keptCheckpoints = 2 // checkpoints

// save writes a checkpoint. It then removes older ones, and weights that are no longer the best.
func (r *Run) save(ctx context.Context, t *maskrcnn.Trainer, s state) error {
	dir := r.path(checkpointsDir)
	save := func(prefix string) error { return t.Save(ctx, prefix) }
	if err := checkpoint.Write(dir, s.Step, save, s); err != nil {
		return err
	}
	steps, err := r.checkpoints(checkpoint.Steps)
	if err != nil {
		return err
	}
	drop := steps[:max(0, len(steps)-keptCheckpoints)]
	best, err := r.checkpoints(checkpoint.Bests)
	if err != nil {
		return err
	}
	for _, name := range best {
		if name != checkpoint.Best(s.Best) {
			drop = append(drop, name)
		}
	}
	return checkpoint.Remove(dir, drop)
}

// checkpoints returns the names with a prefix, oldest first.
func (r *Run) checkpoints(prefix string) (names []string, err error) {
	return checkpoint.List(r.path(checkpointsDir), prefix)
}

// restore loads the newest complete checkpoint, or the initial state if there is none.
// Damaged checkpoints are noted and removed.
func (r *Run) restore(ctx context.Context, t *maskrcnn.Trainer, note func(string)) (state, error) {
	steps, err := r.checkpoints(checkpoint.Steps)
	if err != nil {
		return state{}, err
	}
	for _, name := range slices.Backward(steps) {
		dir := r.path(checkpointsDir, name)
		var s state
		b, err := checksum.ReadFile(dir, checkpoint.State)
		if err == nil {
			err = jsonerror.Plain(json.Unmarshal(b, &s))
		}
		if err == nil && s.Format != 1 {
			return s, fmt.Errorf("%s: format %d, this oscar reads 1", dir, s.Format)
		}
		if err == nil {
			err = checksum.Check(dir)
		}
		if err == nil {
			err = t.Restore(ctx, filepath.Join(dir, checkpoint.Variables))
		}
		if err == nil {
			return s, nil
		}
		note(fmt.Sprintf("checkpoint %s is damaged and passed over: %v", name, err))
		if err := os.RemoveAll(dir); err != nil {
			return state{}, err
		}
	}
	if err := t.Init(ctx); err != nil || r.Experiment.Weights == "" {
		return state{Format: 1}, err
	}
	return state{Format: 1}, r.restoreWeights(ctx, t)
}

// openWeights opens the run from whose weights the training starts. It must have the same layers and
// classes.
func openWeights(e Experiment) (*Run, error) {
	from, err := openRun(e.Weights)
	if err != nil {
		return nil, err
	}
	theirs, ours := from.Experiment, e
	theirs.Detector.Regions, ours.Detector.Regions = maskrcnn.Regions{}, maskrcnn.Regions{}
	theirs.Detector.Tuning, ours.Detector.Tuning = nil, nil
	if !reflect.DeepEqual(theirs.Detector, ours.Detector) || !slices.Equal(theirs.Data.Classes, ours.Data.Classes) {
		return nil, fmt.Errorf("the weights of %s are of other layers or other classes", e.Weights)
	}
	return from, nil
}

// weights returns the path of the best epoch's weights, and the epoch.
func (r *Run) weights() (prefix string, epoch int, err error) {
	names, err := r.checkpoints(checkpoint.Bests)
	if err != nil {
		return "", 0, err
	}
	if len(names) == 0 {
		return "", 0, fmt.Errorf("%s has no finished epoch yet", r.Dir)
	}
	name := names[len(names)-1]
	if _, err := fmt.Sscanf(name, "best-%d", &epoch); err != nil {
		return "", 0, fmt.Errorf("%s: %w", r.path(checkpointsDir, name), err)
	}
	return r.prefix(epoch), epoch, checksum.Check(r.path(checkpointsDir, name))
}
