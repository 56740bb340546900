package pipeline

import (
	"fmt"
	"path/filepath"
	"strings"

	"oscar/dataset"
	"oscar/internal/paths"
	"oscar/savedmodel"
	"oscar/score"
)

// MaskDir returns the folder of masks next to a synthetic set's images, or "" if it does not exist.
func MaskDir(root string) string {
	masks := filepath.Join(filepath.Dir(paths.Absolute(root)), "masks")
	if filepath.Base(paths.Absolute(root)) == "images" && paths.Exists(masks) {
		return masks
	}
	return ""
}

// objectMasks reads masks of objects from a folder. The image class/name.jpg has the mask
// class/name.png, white on the object.
type objectMasks struct {
	dir     string
	framing dataset.Framing // how images become the model's input
	limits  dataset.Limits
}

func newObjectMasks(dir string, in savedmodel.Image, limits dataset.Limits) objectMasks {
	m := objectMasks{dir, Framing(in), limits}
	m.framing.Interpolation, m.framing.Padding = dataset.Bilinear, 0
	return m
}

// path returns the file of an image's mask.
func (m objectMasks) path(image string) string {
	return filepath.Join(m.dir, filepath.FromSlash(strings.TrimSuffix(image, filepath.Ext(image))+".png"))
}

// read returns the mask of an image at the size of the model's input.
func (m objectMasks) read(image string) (score.Mask, error) {
	path := m.path(image)
	photo, err := dataset.DecodeFile(path, m.limits)
	if err != nil {
		return score.Mask{}, fmt.Errorf("mask of %s, %s: %w", image, path, err)
	}
	small := m.framing.Apply(photo)
	inside := make([]bool, m.framing.Height*m.framing.Width)
	for k := range inside {
		inside[k] = small.Pix[4*k] >= 128
	}
	return score.Mask{Height: m.framing.Height, Width: m.framing.Width, Inside: inside}, nil
}
