package report

import (
	"errors"
	"fmt"
	"image"

	"oscar/dataset"
	"oscar/explain"
	"oscar/internal/npy"
	"oscar/internal/paths"
)

// readGrid reads a map of a folder of results.
func readGrid(dir, name string) (explain.Grid, error) {
	path, err := paths.Local(dir, name)
	if err != nil {
		return explain.Grid{}, err
	}
	shape, values, err := npy.Read(path)
	if err != nil {
		return explain.Grid{}, err
	}
	if len(shape) != 2 {
		return explain.Grid{}, fmt.Errorf("%s has shape %v, want [height, width]", path, shape)
	}
	return explain.Grid{Height: shape[0], Width: shape[1], Values: values}, nil
}

// picture reads a picture of a folder of results.
func picture(dir, name string) (*image.RGBA, error) {
	if path, err := paths.Local(dir, name); err == nil {
		if img, err := dataset.DecodeFile(path, dataset.Limits{}); err == nil {
			return img, nil
		}
	}
	return nil, errors.New("the picture is missing")
}
