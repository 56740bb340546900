package report

import (
	"errors"
	"fmt"
	"image"
	"path/filepath"

	"oscar/dataset"
	"oscar/explain"
	"oscar/internal/npy"
)

// within returns the path of a file of a folder of results. The name is read
// from a file that others may have made: it must not lead out of the folder.
func within(dir, name string) (string, error) {
	local := filepath.FromSlash(name)
	if !filepath.IsLocal(local) {
		return "", fmt.Errorf("%q is no file within the folder", name)
	}
	return filepath.Join(dir, local), nil
}

// readGrid reads a map of a folder of results.
func readGrid(dir, name string) (explain.Grid, error) {
	path, err := within(dir, name)
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
	if path, err := within(dir, name); err == nil {
		if img, err := dataset.DecodeFile(path, dataset.Limits{}); err == nil {
			return img, nil
		}
	}
	return nil, errors.New("the picture is missing")
}
