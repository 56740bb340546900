package run

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"oscar/experiment"
	"oscar/internal/atomicfile"
	"oscar/internal/checkpoint"
	"oscar/internal/checksum"
	"oscar/internal/paths"
	"oscar/result"
	"oscar/tfmodel"
)

// best is the best epoch so far by the monitor. Without a validation part it is the last epoch.
type best struct {
	Epoch    int           `json:"epoch"` // from 1; 0: none yet
	Accuracy result.Number `json:"accuracy"`
	Loss     result.Number `json:"loss"`
	// Average is true if its weights are the moving averages.
	Average bool `json:"average,omitempty"`
	// AveragePrecision is the mean over the labels, with several labels per image.
	AveragePrecision *result.Number `json:"mean_average_precision,omitempty"`
}

func bestOf(m result.EpochMetrics) best {
	return best{m.Epoch, m.ValidationAccuracy, m.ValidationLoss, m.Weights == averageWeights, m.ValidationAveragePrecision}
}

func (b best) beatenBy(m result.EpochMetrics, by experiment.Monitor) bool {
	if b.Epoch == 0 || math.IsNaN(float64(m.ValidationAccuracy)) {
		return true
	}
	return by.Better(m, result.EpochMetrics{ValidationAccuracy: b.Accuracy, ValidationLoss: b.Loss, ValidationAveragePrecision: b.AveragePrecision})
}

// Best returns the best epoch so far, counted from 1, and the path of its variables, for
// [tfmodel.Network.Restore]. If the variables are damaged, Best notes this and returns other ones:
// those of the SavedModel or of a checkpoint of the same epoch, or else those of the newest epoch
// with a checkpoint at its end.
func (r *Run) Best(listener Listener) (prefix string, epoch int, err error) {
	if err := Discarded(r.Dir); err != nil {
		return "", 0, err
	}
	c := r.checkpoints()
	if epoch, err = c.bestEpoch(); err != nil {
		return "", 0, err
	}
	damage := c.checkBest(epoch)
	for damage != nil {
		now, err := c.bestEpoch()
		if err != nil || now == epoch {
			break
		}
		epoch, damage = now, c.checkBest(now) // a running training has removed the other epoch
	}
	if damage == nil {
		return filepath.Join(c.dir, checkpoint.Best(epoch), checkpoint.Variables), epoch, nil
	}
	if prefix := r.exported(epoch); prefix != "" {
		listener.Note(fmt.Sprintf("%v; the same weights are taken from %s", damage, ModelDir))
		return prefix, epoch, nil
	}
	name, at, err := c.epochEnd(epoch)
	if err != nil {
		return "", 0, err
	}
	if name == "" {
		return "", 0, fmt.Errorf("%w; no checkpoint is whole at the end of an epoch; put it back", damage)
	}
	which := "weights"
	if n := len(at.Epochs); n > 0 && at.Epochs[n-1].Weights == averageWeights {
		which = "weights, not their average,"
	}
	listener.Note(fmt.Sprintf("%v; the %s of epoch %d, of checkpoint %s, are taken in its place", damage, which, at.Epoch, name))
	return filepath.Join(c.dir, name, checkpoint.Variables), at.Epoch, nil
}

// UseBest calls use with the variables of [Run.Best] and returns the epoch. If a running training
// removes the variables meanwhile, it calls use again with those of another epoch.
func (r *Run) UseBest(listener Listener, use func(prefix string) error) (epoch int, err error) {
	return checkpoint.UseBest(func() (string, int, error) { return r.Best(listener) }, use)
}

// bestEpoch returns the number of the best epoch so far.
func (c checkpoints) bestEpoch() (epoch int, err error) {
	s, _, err := c.newest()
	if err == nil {
		epoch = s.Best.Epoch
	} else if names, listErr := c.list(checkpoint.Bests); listErr == nil && len(names) == 1 { // a study keeps only these
		_, err = fmt.Sscanf(names[0], "best-%d", &epoch)
	}
	if err == nil && epoch == 0 {
		err = fmt.Errorf("%s has no finished epoch yet", c.dir)
	}
	return epoch, err
}

// exported returns the path of the variables in the run's SavedModel. It returns "" if they are
// damaged or of another epoch.
func (r *Run) exported(epoch int) (prefix string) {
	e, err := r.Evaluation()
	if err != nil || e == nil || e.Epoch != epoch || !paths.Exists(r.Model()) || checksum.Check(r.Model()) != nil {
		return ""
	}
	return filepath.Join(r.Model(), "variables", checkpoint.Variables)
}

// restoreBest replaces damaged weights of a finished run's best epoch by those of its SavedModel. It
// reports whether the weights are intact.
func (r *Run) restoreBest(listener Listener) (whole bool, err error) {
	c := r.checkpoints()
	epoch, err := c.bestEpoch()
	if err != nil {
		return true, nil // nothing to restore
	}
	damage := c.checkBest(epoch)
	if damage == nil {
		return true, nil
	}
	from := r.exported(epoch)
	if from == "" {
		return false, nil
	}
	listener.Note(fmt.Sprintf("%v; it is made again from %s", damage, ModelDir))
	return true, atomicfile.Dir(filepath.Join(c.dir, checkpoint.Best(epoch)), func(tmp string) error {
		if err := os.CopyFS(tmp, os.DirFS(filepath.Dir(from))); err != nil {
			return err
		}
		return checksum.Seal(tmp)
	})
}

// checkBest returns an error if the weights of the best epoch cannot be used.
func (c checkpoints) checkBest(epoch int) error {
	names, err := c.list(checkpoint.Bests)
	if err != nil {
		return err
	}
	if !slices.Contains(names, checkpoint.Best(epoch)) {
		return fmt.Errorf("%s has lost %s, the weights of the best epoch", c.dir, checkpoint.Best(epoch))
	}
	return checksum.Check(filepath.Join(c.dir, checkpoint.Best(epoch)))
}

// epochEnd returns an intact checkpoint at the end of the epoch, or else of the newest epoch that
// has one. It returns "" if there is none.
func (c checkpoints) epochEnd(epoch int) (name string, s state, err error) {
	steps, err := c.list(checkpoint.Steps)
	if err != nil {
		return "", state{}, err
	}
	for _, step := range slices.Backward(steps) {
		at, err := c.read(step)
		if err != nil || at.Position != 0 || at.Epoch == 0 || name != "" && at.Epoch != epoch || checksum.Check(filepath.Join(c.dir, step)) != nil {
			continue
		}
		name, s = step, at
	}
	return name, s, nil
}

// keepBest replaces lost or damaged weights of the best epoch by those of an intact checkpoint. The
// trainer is at state s. If no checkpoint has that epoch, the newest epoch with a checkpoint becomes
// the best, and keepBest notes this.
func (c checkpoints) keepBest(ctx context.Context, t *tfmodel.Trainer, s *state, listener Listener) error {
	if s.Best.Epoch == 0 {
		return nil
	}
	damage := c.checkBest(s.Best.Epoch)
	if damage == nil {
		return nil
	}
	was := s.Best.Epoch
	name, at, err := c.epochEnd(was)
	switch {
	case err != nil:
		return err
	case s.Epoch == s.Best.Epoch && s.Position == 0: // the trainer has these weights
		listener.Note(fmt.Sprintf("%v; it is made again", damage))
		return c.saveBest(ctx, t, s.Best)
	case name == "" || at.Epoch != s.Best.Epoch && len(s.Epochs) < at.Epoch:
		return fmt.Errorf("%w; no checkpoint is whole at the end of an epoch; put it back", damage)
	case at.Epoch == s.Best.Epoch:
		listener.Note(fmt.Sprintf("%v; it is made again from checkpoint %s", damage, name))
	default:
		s.Best = bestOf(s.Epochs[at.Epoch-1])
		listener.Note(fmt.Sprintf("%v; epoch %d, of checkpoint %s, takes its place", damage, at.Epoch, name))
	}
	if err := t.Restore(ctx, filepath.Join(c.dir, name, checkpoint.Variables)); err != nil {
		return err
	}
	if err := c.saveBest(ctx, t, s.Best); err != nil {
		return err
	}
	_, newest, err := c.newest()
	if err != nil {
		return err
	}
	if err := t.Restore(ctx, filepath.Join(c.dir, newest, checkpoint.Variables)); err != nil || at.Epoch == was {
		return err
	}
	return c.save(ctx, t, *s) // with the new best epoch
}
