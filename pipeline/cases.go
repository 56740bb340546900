package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"

	"oscar/dataset"
	"oscar/explain"
	"oscar/internal/paths"
	"oscar/score"
)

// cases are the images that explanations are judged by, decoded once and kept
// as bytes at the model's size.
type cases struct {
	height, width int
	batch         int // images a part
	names         []string
	classes       []int
	pixels        []uint8
	masks         []score.Mask // none, or one an image
	mosaic        []score.Mosaic
}

// beside is the folder of masks next to a synthetic set's images; "" if there
// is none.
func beside(root string) string {
	masks := filepath.Join(filepath.Dir(paths.Absolute(root)), "masks")
	if filepath.Base(paths.Absolute(root)) == "images" && paths.Exists(masks) {
		return masks
	}
	return ""
}

// add takes a batch, with the masks of its images if there is a folder of them.
func (c *cases) add(b *dataset.Batch, masks string, limits dataset.Limits) error {
	for i, item := range b.Items {
		c.names = append(c.names, item.Path)
		c.classes = append(c.classes, b.Labels[i])
		if masks == "" {
			continue
		}
		path := filepath.Join(masks, filepath.FromSlash(strings.TrimSuffix(item.Path, filepath.Ext(item.Path))+".png"))
		mask, err := dataset.DecodeFile(path, limits)
		if err != nil {
			return fmt.Errorf("mask of %s, %s: %w", item.Path, path, err)
		}
		small := dataset.Resize(mask, c.height, c.width, dataset.Bilinear)
		inside := make([]bool, c.height*c.width)
		for k := range inside {
			inside[k] = small.Pix[4*k] >= 128
		}
		c.masks = append(c.masks, score.Mask{Height: c.height, Width: c.width, Inside: inside})
	}
	c.pixels = append(c.pixels, b.Images...)
	return nil
}

// plan plans mosaics of the images.
func (c *cases) plan(perClass int, seed uint64) (err error) {
	c.mosaic, err = score.PlanMosaics(c.classes, perClass, seed)
	return err
}

func (c *cases) image(i int) []float32 {
	size := c.height * c.width * 3
	out := make([]float32, size)
	for k, v := range c.pixels[i*size : (i+1)*size] {
		out[k] = float32(v)
	}
	return out
}

// images and mosaics count the parts of each kind.
func (c *cases) images() int  { return (len(c.names) + c.batch - 1) / c.batch }
func (c *cases) mosaics() int { return (len(c.mosaic) + c.batch - 1) / c.batch }

// parts yields the images and then the mosaics, a batch at a time.
func (c *cases) parts(s Settings) iter.Seq2[score.Cases, error] {
	return func(yield func(score.Cases, error) bool) {
		for first := 0; first < len(c.names); first += c.batch {
			end := min(first+c.batch, len(c.names))
			part := score.Cases{Images: explain.Images{N: end - first, Height: c.height, Width: c.width, Channels: 3}}
			for i := first; i < end; i++ {
				part.Images.Pixels = append(part.Images.Pixels, c.image(i)...)
				target := explain.Predicted
				if s.Class == TargetTrue {
					target = c.classes[i]
				}
				part.Targets = append(part.Targets, target)
			}
			if c.masks != nil {
				part.Masks = c.masks[first:end]
			}
			if !yield(part, nil) {
				return
			}
		}
		for plan := range slices.Chunk(c.mosaic, c.batch) {
			part, err := score.DrawMosaics(plan, c.height, c.width, 3, func(i int) ([]float32, error) { return c.image(i), nil })
			if !yield(part, err) || err != nil {
				return
			}
		}
	}
}

// digest tells cases apart.
func (c *cases) digest() string {
	h := sha256.New()
	fmt.Fprintln(h, c.height, c.width, c.names, c.classes, c.masks, c.mosaic)
	h.Write(c.pixels)
	return hex.EncodeToString(h.Sum(nil)[:8])
}
