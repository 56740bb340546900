package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
	"oscar/result"
)

// UnitWorker processes units of one job, one at a time, with one opened model.
type UnitWorker interface {
	// Do processes a unit. It does not compute finished results again.
	Do(ctx context.Context, u result.Unit) (result.Outcome, error)
	Close()
}

// MergeOptions are the options of the functions that merge units.
type MergeOptions struct {
	Dir      string // folder of the results
	Machine  Machine
	Listener Listener
	Progress func(Progress) // may be nil
	// Fetch copies an image that is missing on this machine; it may be nil.
	Fetch func(ctx context.Context, image string) error
}

// LockUnit locks a unit of a folder for this process. While a unit is locked, the folder cannot be
// merged.
func LockUnit(ctx context.Context, u result.Unit) (unlock func(), err error) {
	shared, err := atomicfile.LockShared(u.Out)
	if err != nil {
		return nil, err
	}
	own, err := atomicfile.LockUnit(ctx, filepath.Join(u.Out, partsDir), u.Number)
	if err != nil {
		shared.Close()
		return nil, err
	}
	return func() { own.Close(); shared.Close() }, nil
}

// readPlanned reads the settings of a folder with planned units.
func readPlanned(dir, file string, settings any) error {
	err := checksum.ReadJSON(dir, file, settings)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s: %w; \"oscar plan\" writes it, in a folder that all workers see", filepath.Join(dir, file), syscall.ENOENT)
	}
	return err
}

// NotDone returns the error of a merge if units have no results.
func NotDone(dir string, missing, of int, first string) error {
	return fmt.Errorf("%d of %d units of %s are not done, the first is %s; do them by \"oscar worker < %s\"",
		missing, of, dir, first, filepath.Join(dir, result.UnitsFile))
}

// outcomeOf returns the outcome of a unit, with the counts of its rows.
func outcomeOf(u result.Unit, rows []Row, earlier bool) result.Outcome {
	o := result.Outcome{Earlier: earlier, Images: len(u.Images), Rows: len(rows), Statuses: map[string]int{}}
	for _, r := range rows {
		o.Statuses[r.Status]++
	}
	return o
}

// lockShard locks a unit of images for this worker and returns its shard.
func lockShard(ctx context.Context, u result.Unit) (s shard, unlock func(), err error) {
	if s, err = plannedShard(u); err != nil {
		return s, nil, err
	}
	unlock, err = LockUnit(ctx, u)
	return s, unlock, err
}

// plannedShard returns the shard of a unit. It returns an error if an image changed since
// the unit was planned.
func plannedShard(u result.Unit) (shard, error) {
	if len(u.Images) == 0 {
		return shard{}, fmt.Errorf("unit %s names no images", u.ID)
	}
	s := shard{number: u.Number, root: u.Root, images: u.Images}
	s.stamp()
	if s.part != u.Part {
		return shard{}, fmt.Errorf("images of unit %s have changed since the plan, between %s and %s; plan again", u.ID, u.Images[0], u.Images[len(u.Images)-1])
	}
	return s, nil
}
