package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"oscar/internal/agreement"
	"oscar/internal/npy"
)

// tolerance is the largest difference of a contestant's numbers from oscar's, as a share of
// the largest of oscar's. Gradients at the image differ more, also between the
// others: see [agreement.Kinked].
const tolerance = 1e-3

var kinked = []string{"ig.npy"}

// disagreement compares a contestant's numbers with oscar's. It returns the difference, or
// nil; a contestant without numbers is an error.
func disagreement(ours, theirs string) error {
	files, err := filepath.Glob(filepath.Join(theirs, "*.npy"))
	if err != nil {
		return err
	}
	for _, file := range files {
		name := filepath.Base(file)
		_, got, err := npy.Read(file)
		if err != nil {
			return err
		}
		_, want, err := npy.Read(filepath.Join(ours, name))
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("proves %s, which oscar does not", name)
		} else if err != nil {
			return err
		}
		if len(got) != len(want) {
			return fmt.Errorf("does not compute the same: %s has %d values, oscar's %d", name, len(got), len(want))
		}
		bound := tolerance
		if slices.Contains(kinked, name) {
			bound = agreement.Kinked
		}
		if d := agreement.Apart(got, want); !(d <= bound) {
			return fmt.Errorf("does not compute the same: %s differs by %.2g from oscar's", name, d)
		}
	}
	return nil
}
