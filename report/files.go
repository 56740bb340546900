package report

import (
	"errors"
	"fmt"
	"image"
	"path/filepath"

	"oscar/dataset"
	"oscar/explain"
	"oscar/internal/checksum"
	"oscar/internal/npy"
	"oscar/internal/paths"
)

// readGrid reads a map of a folder of results.
func readGrid(dir, name string) (explain.Grid, error) {
	path, err := paths.Local(dir, name)
	if err != nil {
		return explain.Grid{}, err
	}
	data, err := checksum.ReadFile(dir, filepath.ToSlash(name))
	if err != nil {
		return explain.Grid{}, err
	}
	shape, values, err := npy.Decode(data)
	if err != nil {
		return explain.Grid{}, fmt.Errorf("%s: %w", path, err)
	}
	if len(shape) != 2 {
		return explain.Grid{}, fmt.Errorf("%s has shape %v, want [height, width]", path, shape)
	}
	return explain.Grid{Height: shape[0], Width: shape[1], Values: values}, nil
}

// picture reads a picture of a folder of results.
func picture(dir, name string) (*image.RGBA, error) {
	if _, err := paths.Local(dir, name); err == nil && name != "" {
		data, err := checksum.ReadFile(dir, filepath.ToSlash(name))
		if differs(err) {
			return nil, errDamaged
		}
		if err == nil {
			if img, err := dataset.Decode(data, dataset.Limits{}); err == nil {
				return img, nil
			}
		}
	}
	return nil, errors.New("the picture is missing")
}

// errDamaged is shown in place of a file that differs from its checksum.
var errDamaged = errors.New("the file is damaged, see \"oscar verify\"")

// differs reports whether an error means that a file differs from its checksum, not that it is
// missing.
func differs(err error) bool {
	d, ok := errors.AsType[*checksum.Damage](err)
	return ok && !d.Gone
}

// lacking returns the reason why a file cannot be shown: errDamaged or otherwise.
func lacking(err error, otherwise string) error {
	if differs(err) || errors.Is(err, errDamaged) {
		return errDamaged
	}
	return errors.New(otherwise)
}
