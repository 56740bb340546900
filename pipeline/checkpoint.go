package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"oscar/internal/atomicfile"
	"oscar/tfmodel"
)

// state is where a training stands: with the variables it is all that is
// needed to go on to the same bits.
type state struct {
	Format   int     `json:"format"`
	Split    string  `json:"split"`    // the split's hash
	Step     int     `json:"step"`     // steps done
	Epoch    int     `json:"epoch"`    // epochs done
	Position int     `json:"position"` // images done of the epoch under way
	Loss     float64 `json:"loss"`     // sum over those images
	Correct  int     `json:"correct"`
	Seconds  float64 `json:"seconds"` // spent on them
	Best     best    `json:"best"`
}

// best is the epoch with the highest validation accuracy, the lowest loss
// among equals, the first among those.
type best struct {
	Epoch    int     `json:"epoch"` // from 1; 0: none yet
	Accuracy float64 `json:"accuracy"`
	Loss     float64 `json:"loss"`
}

func (b best) beatenBy(m EpochMetrics) bool {
	return b.Epoch == 0 || m.ValidationAccuracy > b.Accuracy ||
		m.ValidationAccuracy == b.Accuracy && m.ValidationLoss < b.Loss
}

// Within a checkpoint folder.
const (
	bundlePrefix = "variables"
	stateFile    = "state.json"
)

// checkpoints is the folder of a run's checkpoints: step-NNNNNNN, of which the
// newest two are kept, and best-NNNN, weights alone.
type checkpoints struct{ dir string }

func (r *Run) checkpoints() checkpoints { return checkpoints{r.path(checkpointsDir)} }

// save writes the state as the newest checkpoint, then drops older ones.
func (c checkpoints) save(ctx context.Context, t *tfmodel.Trainer, s state) error {
	err := atomicfile.Dir(filepath.Join(c.dir, fmt.Sprintf("step-%07d", s.Step)), func(tmp string) error {
		if err := t.Save(ctx, filepath.Join(tmp, bundlePrefix)); err != nil {
			return err
		}
		return writeJSON(filepath.Join(tmp, stateFile), s)
	})
	if err != nil {
		return fmt.Errorf("write the checkpoint of step %d: %w", s.Step, err)
	}
	steps, err := c.list("step-")
	if err != nil {
		return err
	}
	for _, old := range steps[:max(0, len(steps)-2)] {
		err = errors.Join(err, os.RemoveAll(filepath.Join(c.dir, old)))
	}
	bests, listErr := c.list("best-")
	for _, b := range bests {
		if b != bestName(s.Best.Epoch) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(c.dir, b)))
		}
	}
	return errors.Join(err, listErr)
}

// saveBest writes the weights of an epoch. The one before stays until the next
// save: until then the newest checkpoint may still name it.
func (c checkpoints) saveBest(ctx context.Context, t *tfmodel.Trainer, epoch int) error {
	err := atomicfile.Dir(filepath.Join(c.dir, bestName(epoch)), func(tmp string) error {
		return t.SaveWeights(ctx, filepath.Join(tmp, bundlePrefix))
	})
	if err != nil {
		return fmt.Errorf("write the weights of epoch %d: %w", epoch, err)
	}
	return nil
}

func bestName(epoch int) string { return fmt.Sprintf("best-%04d", epoch) }

// bestPrefix returns the bundle of the best epoch so far, and the epoch.
func (c checkpoints) bestPrefix() (prefix string, epoch int, err error) {
	names, err := c.list("best-")
	if err != nil {
		return "", 0, err
	}
	s, _, err := c.newest()
	if err != nil {
		return "", 0, err
	}
	if name := bestName(s.Best.Epoch); slices.Contains(names, name) {
		return filepath.Join(c.dir, name, bundlePrefix), s.Best.Epoch, nil
	}
	return "", 0, fmt.Errorf("%s has no finished epoch yet", c.dir)
}

// newest reads the state of the newest checkpoint whose state can be read.
func (c checkpoints) newest() (state, string, error) {
	steps, err := c.list("step-")
	if err != nil {
		return state{}, "", err
	}
	for _, name := range slices.Backward(steps) {
		var s state
		if readJSON(filepath.Join(c.dir, name, stateFile), &s) == nil {
			return s, name, nil
		}
	}
	return state{}, "", fmt.Errorf("%s has no checkpoint", c.dir)
}

// restore sets the trainer to the newest checkpoint that can be read, or to
// its initial state if there is none. What had to be passed over is noted.
func (c checkpoints) restore(ctx context.Context, t *tfmodel.Trainer, split string, listener Listener) (state, error) {
	steps, err := c.list("step-")
	if err != nil {
		return state{}, err
	}
	for _, name := range slices.Backward(steps) {
		var s state
		dir := filepath.Join(c.dir, name)
		err := readJSON(filepath.Join(dir, stateFile), &s)
		if err == nil && s.Split != split {
			return state{}, fmt.Errorf("%s belongs to another split; split.json was replaced", dir)
		}
		if err == nil {
			err = t.Restore(ctx, filepath.Join(dir, bundlePrefix))
		}
		if err == nil {
			return s, nil
		}
		listener.note(fmt.Sprintf("checkpoint %s is damaged and passed over: %v", name, err))
	}
	if len(steps) > 0 {
		listener.note("no checkpoint can be read: training begins anew")
	}
	return state{Format: 1, Split: split}, t.Init(ctx)
}

// list returns the names with a prefix, oldest first.
func (c checkpoints) list(prefix string) ([]string, error) {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), prefix) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}
