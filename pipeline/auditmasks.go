package pipeline

import (
	"cmp"
	"fmt"
	"math"

	"oscar/explain"
	"oscar/internal/paths"
	"oscar/metric"
	"oscar/result"
	"oscar/score"
)

// findMasks finds the masks of the objects. Images without a mask are not measured. It returns an
// error if a folder was given that has no mask for any image.
func (j *auditing) findMasks() error {
	masks := newObjectMasks(cmp.Or(j.Masks, MaskDir(j.part.root)), j.bundle.Metadata.Image, j.part.limits)
	if masks.dir == "" {
		return nil
	}
	for _, item := range j.part.items {
		if paths.Exists(masks.path(item.Path)) {
			j.masks, j.result.Masks = masks, paths.Absolute(masks.dir)
			return nil
		}
	}
	if j.Masks != "" {
		return fmt.Errorf("%s has no mask of any image, as %s for %s", j.Masks, masks.path(j.part.items[0].Path), j.part.items[0].Path)
	}
	return nil
}

// outside returns the share of a map's positive values outside of the object, and the share of the
// image's area outside of it. Both are NaN if there is no mask or nothing to measure.
func (j *auditing) outside(heat explain.Grid, image string) (share, area float64, err error) {
	if j.masks.dir == "" || !paths.Exists(j.masks.path(image)) {
		return math.NaN(), math.NaN(), nil
	}
	mask, err := j.masks.read(image)
	if err != nil {
		return 0, 0, err
	}
	within := score.Energy(heat.Resize(mask.Height, mask.Width), mask)
	if !within.OK() {
		return math.NaN(), math.NaN(), nil
	}
	pixels := 0
	for _, inside := range mask.Inside {
		if !inside {
			pixels++
		}
	}
	return 1 - float64(within.Value), float64(pixels) / float64(len(mask.Inside)), nil
}

// judgeMasks measures the heat outside of the objects for each class.
func (j *auditing) judgeMasks() {
	if j.masks.dir == "" {
		return
	}
	for c, class := range j.result.Classes {
		chance, _, _ := metric.Student95(j.ofClass(c, func(x audited) float64 { return x.area }))
		j.result.Outside = append(j.result.Outside, result.Outside{
			Border: border(class, j.ofClass(c, func(x audited) float64 { return x.outside })), Chance: result.Number(chance),
		})
	}
}

// ofClass returns the known values of the images of a class.
func (j *auditing) ofClass(class int, value func(audited) float64) (out []float64) {
	for _, x := range j.images {
		if v := value(x); x.Class == class && !math.IsNaN(v) {
			out = append(out, v)
		}
	}
	return out
}

// border returns the mean of the shares of heat, with its interval.
func border(class string, shares []float64) result.Border {
	mean, low, high := metric.Student95(shares)
	return result.Border{
		Class: class, Images: len(shares), Share: result.Number(mean), Interval: [2]result.Number{result.Number(max(low, 0)), result.Number(min(high, 1))},
	}
}
