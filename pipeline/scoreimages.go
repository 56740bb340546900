package pipeline

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"

	"oscar/dataset"
	"oscar/explain"
	"oscar/score"
)

// scoreImages are the images for scoring. They are decoded once and kept as bytes at the model's
// input size.
type scoreImages struct {
	height, width int
	batch         int // images in a part
	names         []string
	classes       []int
	pixels        []uint8
	masks         []score.Mask // one per image; nil: none
	mosaics       []score.Mosaic
}

// readImages reads the images for scoring, and their masks.
func (s *scoreJob) readImages(ctx context.Context) (*scoreImages, error) {
	from, err := EvaluateOptions{Model: s.Model, Data: s.Data, Part: s.Part, Machine: s.Machine}.part(ctx, s.bundle)
	if err != nil {
		return nil, err
	}
	s.note(from.notes...)
	from = from.known()
	in := s.bundle.Metadata.Image
	c := &scoreImages{height: in.Height, width: in.Width, batch: s.Settings.Batch}
	loader, err := dataset.NewLoader(dataset.LoaderOptions{
		Root: from.root, Framing: Framing(in),
		Limits: from.limits, Workers: s.Machine.Workers,
		Skip: func(_ dataset.Item, err error) { s.note(fmt.Sprintf("left out: %v", err)) },
	})
	if err != nil {
		return nil, err
	}
	defer loader.Close()
	s.Listener.Stage("reading images")
	masks := newObjectMasks(cmp.Or(s.Masks, MaskDir(from.root)), in, from.limits)
	for b, err := range loader.Batches(ctx, dataset.Draw(from.items, s.Scoring.PerClass, s.Settings.Seed), nil, 32) {
		if err != nil {
			return nil, err
		}
		if err := c.add(b, masks); err != nil {
			return nil, err
		}
	}
	if len(c.names) == 0 {
		return nil, fmt.Errorf("none of the images of %s could be read", from.root)
	}
	if masks.dir == "" && s.Scoring.Need(score.NeedsMasks) {
		if err := s.leaveOut(score.NeedsMasks, "no masks: the pointing game and the energy in the mask are left out"); err != nil {
			return nil, err
		}
	}
	if s.Scoring.Mosaics > 0 && s.Scoring.Need(score.NeedsMosaics) {
		if c.mosaics, err = score.PlanMosaics(c.classes, s.Scoring.Mosaics, s.Settings.Seed); err != nil {
			why := fmt.Sprintf("no mosaics: %v", err)
			if s.Scoring.PerClass == 1 {
				why += "; per-class is 1, want 2 or more (--per-class)"
			}
			return c, s.leaveOut(score.NeedsMosaics, why)
		}
	}
	return c, nil
}

// add adds a batch, and its masks if there is a folder of masks.
func (c *scoreImages) add(b *dataset.Batch, masks objectMasks) error {
	for i, item := range b.Items {
		c.names = append(c.names, item.Path)
		c.classes = append(c.classes, b.Labels[i])
		if masks.dir == "" {
			continue
		}
		mask, err := masks.read(item.Path)
		if err != nil {
			return err
		}
		c.masks = append(c.masks, mask)
	}
	c.pixels = append(c.pixels, b.Images...)
	return nil
}

func (c *scoreImages) image(i int) []float32 {
	size := c.height * c.width * 3
	out := make([]float32, size)
	for k, v := range c.pixels[i*size : (i+1)*size] {
		out[k] = float32(v)
	}
	return out
}

// batches returns the number of batches for n images or mosaics.
func (c *scoreImages) batches(n int) int { return (n + c.batch - 1) / c.batch }

// parts yields first the images and then the mosaics, in batches.
func (c *scoreImages) parts(s Settings) iter.Seq2[score.Cases, error] {
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
		for plan := range slices.Chunk(c.mosaics, c.batch) {
			part, err := score.DrawMosaics(plan, c.height, c.width, 3, func(i int) ([]float32, error) { return c.image(i), nil })
			if !yield(part, err) || err != nil {
				return
			}
		}
	}
}

// digest returns a hash of all inputs of the scores.
func (c *scoreImages) digest() string {
	h := sha256.New()
	fmt.Fprintln(h, c.height, c.width, c.names, c.classes, c.masks, c.mosaics)
	h.Write(c.pixels)
	return hex.EncodeToString(h.Sum(nil)[:8])
}
