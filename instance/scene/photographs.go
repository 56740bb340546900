package scene

import (
	"fmt"
	"image"
	"os"
	"path/filepath"

	"oscar/dataset"
	"oscar/instance/coco"
	"oscar/instance/mask"
)

// writePhotographs makes a data set of the photographs. Each has one object with the mask of its
// cutout.
func (o ComposeOptions) writePhotographs(dir string, split *dataset.Split, objects map[string][][]*cutout) error {
	return writeParts(dir, split, split.Classes, func(folder func(part string) string) (map[string][]Scene, error) {
		out := map[string][]Scene{}
		for i, items := range [][]dataset.Item{split.Train, split.Validation, split.Test} {
			part, found := Parts[i], map[string]*cutout{}
			for _, list := range objects[part] {
				for _, c := range list {
					found[c.path] = c
				}
			}
			for _, item := range items {
				c := found[item.Path]
				if c == nil {
					continue
				}
				b, err := dataset.ReadFile(filepath.Join(o.Photos, filepath.FromSlash(item.Path)), o.Limits)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", item.Path, err)
				}
				to := filepath.Join(folder(part), filepath.FromSlash(item.Path))
				if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
					return nil, err
				}
				if err := os.WriteFile(to, b, 0o666); err != nil {
					return nil, err
				}
				out[part] = append(out[part], Scene{
					Image:   coco.Image{FileName: item.Path, Width: c.photo.X, Height: c.photo.Y},
					Objects: []Truth{{Class: c.class, Mask: c.within()}},
				})
			}
		}
		return out, nil
	})
}

// within returns the object's mask in its photograph, at full size.
func (c *cutout) within() mask.RLE {
	pixels := make([]uint8, c.photo.X*c.photo.Y)
	for i := range pixels {
		y := (float64(i/c.photo.X)+0.5)*float64(c.reduced.Y)/float64(c.photo.Y) - 0.5 - float64(c.origin.Y)
		x := (float64(i%c.photo.X)+0.5)*float64(c.reduced.X)/float64(c.photo.X) - 0.5 - float64(c.origin.X)
		// Clamp to the border: an object cut by the border must reach it.
		y, x = min(max(y, -float64(c.origin.Y)), float64(c.reduced.Y-1-c.origin.Y)), min(max(x, -float64(c.origin.X)), float64(c.reduced.X-1-c.origin.X))
		if _, alpha := c.at(y, x); alpha >= 0.5 {
			pixels[i] = 1
		}
	}
	return mask.Encode(c.photo.Y, c.photo.X, pixels)
}

// source is the origin of a cutout.
type source struct {
	path           string      // of the photograph
	photo, reduced image.Point // sizes of the original and of the reduced photograph
	origin         image.Point // of the object in the reduced photograph
}
