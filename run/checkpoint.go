package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"oscar/cluster"
	"oscar/experiment"
	"oscar/internal/atomicfile"
	"oscar/internal/checkpoint"
	"oscar/internal/checksum"
	"oscar/internal/paths"
	"oscar/result"
	"oscar/tfmodel"
)

// state is the position of a training run. With the variables it is sufficient to
// resume to the same bits.
type state struct {
	Format   int     `json:"format"`
	Split    string  `json:"split"`    // the split's hash
	Step     int     `json:"step"`     // steps done
	Epoch    int     `json:"epoch"`    // epochs done
	Position int     `json:"position"` // images processed in the current epoch
	Skipped  int     `json:"skipped"`  // of these, unreadable images
	Loss     float64 `json:"loss"`     // sum over the images that were read in the current epoch
	Correct  int     `json:"correct"`
	Seconds  float64 `json:"seconds"` // sum over the steps of the current epoch
	Best     best    `json:"best"`
	// HeadSteps is the number of steps that trained only the head of a fine-tuned model.
	HeadSteps int `json:"head_steps,omitempty"`
	// Experiment has the settings of the steps so far. Epochs has the lines of metrics.jsonl. Both are
	// nil in older runs.
	Experiment *experiment.Experiment `json:"experiment,omitempty"`
	Epochs     []result.EpochMetrics  `json:"epochs,omitempty"`
	Sum        string                 `json:"sum"` // hash of all other fields
}

// seen returns the number of images trained on in the current epoch.
func (s state) seen() int { return s.Position - s.Skipped }

func (s state) sum() (string, error) {
	s.Sum = ""
	b, err := json.Marshal(s)
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:8]), err
}

// checkpoints is the folder of a run's checkpoints. It has step-NNNNNNN, of which the newest two are
// kept, and best-NNNN with weights only. A damaged checkpoint is renamed to damaged-step-NNNNNNN and
// removed when training reaches that step again.
type checkpoints struct{ dir string }

func (r *Run) checkpoints() checkpoints { return checkpoints{r.Path(CheckpointsDir)} }

// save writes the state as the newest checkpoint and removes older ones.
func (c checkpoints) save(ctx context.Context, t *tfmodel.Trainer, s state) error {
	var err error
	if s.Sum, err = s.sum(); err != nil {
		return err
	}
	save := func(prefix string) error { return t.Save(ctx, prefix) }
	if err := checkpoint.Write(c.dir, s.Step, save, s); err != nil {
		return err
	}
	steps, err := c.list(checkpoint.Steps)
	if err != nil {
		return err
	}
	drop := steps[:max(0, len(steps)-2)]
	bests, err := c.list(checkpoint.Bests)
	if err != nil {
		return err
	}
	for _, b := range bests {
		if b != checkpoint.Best(s.Best.Epoch) && b <= checkpoint.Best(s.Epoch) {
			drop = append(drop, b)
		}
	}
	damaged, err := c.list(aside)
	if err != nil {
		return err
	}
	for _, d := range damaged {
		if d <= aside+checkpoint.Step(s.Step) {
			drop = append(drop, d)
		}
	}
	return checkpoint.Remove(c.dir, drop)
}

// saveBest writes the trainer's weights as those of the best epoch. It keeps the previous best until
// the next save, because the newest checkpoint can still refer to it.
func (c checkpoints) saveBest(ctx context.Context, t *tfmodel.Trainer, b best) error {
	return checkpoint.WriteBest(c.dir, b.Epoch, func(prefix string) error {
		save := func() error { return t.SaveWeights(ctx, prefix) }
		if b.Average {
			return t.WithAverages(ctx, save)
		}
		return save()
	})
}

// aside is the prefix that marks a damaged checkpoint.
const aside = "damaged-"

// read reads the state of a checkpoint.
func (c checkpoints) read(name string) (state, error) {
	var s state
	path := filepath.Join(c.dir, name, checkpoint.State)
	if err := atomicfile.ReadJSON(path, &s); err != nil {
		return s, err
	}
	if s.Format != 1 {
		return s, fmt.Errorf("%s: format %d, this oscar reads 1", path, s.Format)
	}
	if want, err := s.sum(); err != nil || s.Sum != "" && s.Sum != want { // the oldest runs have no hash
		return s, fmt.Errorf("%s: its sum is %s, it says %s", path, want, s.Sum)
	}
	return s, nil
}

// newest reads the state of the newest checkpoint whose state can be read.
func (c checkpoints) newest() (state, string, error) {
	steps, err := c.list(checkpoint.Steps)
	if err != nil {
		return state{}, "", err
	}
	for _, name := range slices.Backward(steps) {
		if s, err := c.read(name); err == nil {
			return s, name, nil
		}
	}
	return state{}, "", fmt.Errorf("%s has no checkpoint", c.dir)
}

// restore sets the trainer to the newest readable checkpoint whose epochs are all in the journal, or
// to its initial state if there is none. It notes the checkpoints that it skips.
func (c checkpoints) restore(ctx context.Context, t *tfmodel.Trainer, split string, epochs int, listener Listener) (state, error) {
	steps, err := c.list(checkpoint.Steps)
	if err != nil {
		return state{}, err
	}
	ahead := false // an intact checkpoint has epochs that the journal lacks
	for i, name := range slices.Backward(steps) {
		s, err := c.read(name)
		switch {
		case err != nil:
		case s.Split != split:
			return state{}, fmt.Errorf("%s belongs to another split; split.json was replaced", filepath.Join(c.dir, name))
		case s.Epoch > epochs && len(s.Epochs) != s.Epoch:
			ahead = true
			listener.Note(fmt.Sprintf("checkpoint %s is passed over: it has %d epochs, %s %d", name, s.Epoch, MetricsFile, epochs))
			continue
		default:
			if err = checksum.Check(filepath.Join(c.dir, name)); err == nil {
				err = t.Restore(ctx, filepath.Join(c.dir, name, checkpoint.Variables))
			}
		}
		if err == nil {
			return s, c.setAside(steps[i+1:])
		} else if _, ok := errors.AsType[*cluster.Fault](err); ok {
			return state{}, err // the error of a worker, not of the checkpoint
		}
		listener.Note(fmt.Sprintf("checkpoint %s is damaged and passed over: %v", name, err))
	}
	if ahead {
		return state{}, fmt.Errorf("%s has %d epochs, fewer than every checkpoint: it was cut short; put it back", MetricsFile, epochs)
	}
	if len(steps) > 0 {
		return state{}, fmt.Errorf("no checkpoint in %s can be read; put one back, or remove that folder's contents to start again", c.dir)
	}
	return state{Format: 1, Split: split}, t.Init(ctx)
}

// setAside renames checkpoints, so that newest ignores them.
func (c checkpoints) setAside(names []string) error {
	for _, name := range names {
		to := filepath.Join(c.dir, aside+name)
		if err := os.RemoveAll(to); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(c.dir, name), to); err != nil {
			return err
		}
	}
	return nil
}

// list returns the names with a prefix, oldest first.
func (c checkpoints) list(prefix string) ([]string, error) {
	names, err := checkpoint.List(c.dir, prefix)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing, and with it the weights to resume from or to export", c.dir)
	}
	return names, err
}

// keepNewest removes the checkpoints of a finished run except the newest, which longer training can
// start from. It also removes weights of epochs that are no longer the best.
func (c checkpoints) keepNewest() error {
	s, newest, err := c.newest()
	if err != nil {
		return nil // already removed
	}
	names, err := c.list(checkpoint.Steps)
	drop := slices.DeleteFunc(names, func(name string) bool { return name == newest })
	if best := checkpoint.Best(s.Best.Epoch); err == nil && paths.Exists(filepath.Join(c.dir, best)) {
		names, err = c.list(checkpoint.Bests)
		drop = append(drop, slices.DeleteFunc(names, func(name string) bool { return name == best })...)
	}
	return errors.Join(err, checkpoint.Remove(c.dir, drop))
}

// Prune removes all checkpoints of a finished run (1.3 GB for AlexNet02). Then the run cannot be
// trained further. The weights of the best epoch are kept.
func Prune(dir string) error {
	dir = filepath.Join(dir, CheckpointsDir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), checkpoint.Steps) {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
