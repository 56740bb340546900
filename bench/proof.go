package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"oscar/internal/agreement"
	"oscar/internal/npy"
)

// tolerance is how far a contestant's numbers may be from oscar's, as a share of
// the largest of oscar's.
const tolerance = 1e-3

// disagreement holds what a contestant proved against what oscar did. It is what
// differs, or nil; a contestant that proved nothing has nothing to show.
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
		if d := agreement.Apart(got, want); !(d <= tolerance) {
			return fmt.Errorf("does not compute the same: %s differs by %.2g from oscar's", name, d)
		}
	}
	return nil
}
