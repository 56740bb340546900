// Package checkpoint writes and lists the folders of a run's checkpoints: step-NNNNNNN with
// variables and the state of the training, and best-NNNN with the weights of an epoch.
package checkpoint

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
)

// Files of a checkpoint.
const (
	Variables = "variables" // prefix of TensorFlow's files
	State     = "state.json"
)

// Prefixes of the names.
const (
	Steps = "step-"
	Bests = "best-"
)

// Step is the name of the checkpoint after a number of steps.
func Step(step int) string { return fmt.Sprintf("%s%07d", Steps, step) }

// Best is the name of the weights of an epoch.
func Best(epoch int) string { return fmt.Sprintf("%s%04d", Bests, epoch) }

// Write writes dir/Step(step) atomically: the variables by save, which gets their prefix, the state
// as JSON, and checksums.
func Write(dir string, step int, save func(prefix string) error, state any) error {
	err := atomicfile.Dir(filepath.Join(dir, Step(step)), func(tmp string) error {
		if err := save(filepath.Join(tmp, Variables)); err != nil {
			return err
		}
		if err := atomicfile.WriteJSON(filepath.Join(tmp, State), state); err != nil {
			return err
		}
		return checksum.Seal(tmp)
	})
	if err != nil {
		return fmt.Errorf("write the checkpoint of step %d: %w", step, err)
	}
	return nil
}

// WriteBest writes dir/Best(epoch) atomically: the weights by save, and checksums.
func WriteBest(dir string, epoch int, save func(prefix string) error) error {
	err := atomicfile.Dir(filepath.Join(dir, Best(epoch)), func(tmp string) error {
		if err := save(filepath.Join(tmp, Variables)); err != nil {
			return err
		}
		return checksum.Seal(tmp)
	})
	if err != nil {
		return fmt.Errorf("write the weights of epoch %d: %w", epoch, err)
	}
	return nil
}

// List returns the names in dir that have a prefix, the smallest number first.
func List(dir, prefix string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), prefix) {
			names = append(names, e.Name())
		}
	}
	slices.SortFunc(names, func(a, b string) int { // names may have more digits
		return cmp.Or(len(a)-len(b), strings.Compare(a, b))
	})
	return names, err
}

// Remove removes folders of dir.
func Remove(dir string, names []string) (err error) {
	for _, name := range names {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, name)))
	}
	return err
}

// UseBest calls use with the prefix of the weights that best finds, and returns their epoch. If use
// fails and best then finds other weights, it uses those, because a running training removes the
// weights of an epoch when another one is better.
func UseBest(best func() (prefix string, epoch int, err error), use func(prefix string) error) (epoch int, err error) {
	prefix, epoch, err := best()
	for {
		if err == nil {
			err = use(prefix)
		}
		if err == nil {
			return epoch, nil
		}
		now, at, failed := best()
		if failed != nil || now == prefix {
			return 0, err
		}
		prefix, epoch, err = now, at, nil
	}
}
