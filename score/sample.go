package score

import (
	"context"
	"fmt"
	"slices"

	"oscar/explain"
)

// Cases are images with the class to explain and, if known, the position of this class in the image.
type Cases struct {
	Images    explain.Images
	Targets   []int       // one class per image
	Masks     []Mask      // one per image; nil: none
	Quadrants []Quadrants // one per image if the images are mosaics; nil: none
}

// Mask marks the pixels of an image that belong to the object: row-major
// [Height,Width].
type Mask struct {
	Height, Width int
	Inside        []bool
}

// Quadrants marks the quarters of a mosaic that show the target class: top left,
// top right, bottom left, bottom right.
type Quadrants [4]bool

// Sample has everything that a metric can need: cases, one method's maps of them, the model and the
// explainer.
type Sample struct {
	Cases
	Maps []explain.Grid // the method's map of each image, of any resolution

	Model      explain.Predictor // may be nil if no metric needs it, see [Needs]
	Explainer  explain.Explainer // of the maps
	Randomized Cascade

	Batch    int                   // images per call of the model and the explainer; 0: 32
	Seed     uint64                // for all draws
	Progress func(done, total int) // images processed, after each batch; may be nil
}

// Cascade is an explainer on copies of the model with more and more randomized layers, for the
// sanity check.
type Cascade struct {
	Layers []string // from the logits down
	// Explainer returns the explainer of a model whose layers Layers[:depth] have new initial values;
	// depth is 1 to len(Layers).
	Explainer func(depth int) (explain.Explainer, error)
}

// DefaultBatch is the number of images per run of the model.
const DefaultBatch = 32

// check returns an error if a part of the sample is missing or inconsistent.
func (s Sample) check(name string, needs Needs) error {
	if err := s.problem(needs); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (s Sample) problem(needs Needs) error {
	if missing := needs &^ s.has(); missing != 0 {
		return fmt.Errorf("the sample has no %s", missing)
	}
	if err := s.Cases.check(); err != nil {
		return err
	}
	if len(s.Maps) != s.Images.N {
		return fmt.Errorf("%d maps for %d images; want one per image", len(s.Maps), s.Images.N)
	}
	for i, g := range s.Maps {
		if !g.Filled() {
			return fmt.Errorf("map %d has %d values for %dx%d", i, len(g.Values), g.Height, g.Width)
		}
	}
	for i, target := range s.Targets {
		if target < 0 {
			return fmt.Errorf("image %d has target %d; want a class number (see Targets)", i, target)
		}
	}
	return nil
}

// has returns the needs that the sample meets.
func (s Sample) has() Needs {
	var has Needs
	for need, met := range map[Needs]bool{
		NeedsModel:      s.Model != nil,
		NeedsExplainer:  s.Explainer != nil,
		NeedsMasks:      s.Masks != nil,
		NeedsMosaics:    s.Quadrants != nil,
		NeedsRandomized: len(s.Randomized.Layers) > 0 && s.Randomized.Explainer != nil,
	} {
		if met {
			has |= need
		}
	}
	return has
}

func (c Cases) check() error {
	m := c.Images
	if m.N < 0 || m.Height < 1 || m.Width < 1 || m.Channels < 1 || len(m.Pixels) != m.N*m.Size() {
		return fmt.Errorf("images [%d,%d,%d,%d] have %d values", m.N, m.Height, m.Width, m.Channels, len(m.Pixels))
	}
	if len(c.Targets) != m.N {
		return fmt.Errorf("%d targets for %d images; want one per image", len(c.Targets), m.N)
	}
	if c.Masks != nil && len(c.Masks) != m.N {
		return fmt.Errorf("%d masks for %d images; want one per image", len(c.Masks), m.N)
	}
	for i, mask := range c.Masks {
		if mask.Height != m.Height || mask.Width != m.Width || len(mask.Inside) != m.Height*m.Width {
			return fmt.Errorf("mask %d is %dx%d with %d values; want the image's %dx%d", i, mask.Height, mask.Width, len(mask.Inside), m.Height, m.Width)
		}
	}
	if c.Quadrants != nil && len(c.Quadrants) != m.N {
		return fmt.Errorf("%d quadrants for %d mosaics; want one per mosaic", len(c.Quadrants), m.N)
	}
	return nil
}

// image returns the pixels of image i.
func (s Sample) image(i int) []float32 { return s.Images.Slice(i, i+1).Pixels }

// heat returns the map of image i, resized to the image.
func (s Sample) heat(i int) explain.Grid {
	return s.Maps[i].Resize(s.Images.Height, s.Images.Width)
}

// each judges the images one by one and sets the class of each value.
func (s Sample) each(judge func(i int) Value) []Value {
	values := make([]Value, s.Images.N)
	for i := range values {
		values[i] = judge(i)
		values[i].Class = s.Targets[i]
	}
	return values
}

// Targets returns the class of every image: the target or, if it is [explain.Predicted], the class
// that the model predicts. The model gets at most batch images per call; 0: 32.
func Targets(ctx context.Context, model explain.Predictor, images explain.Images, targets []int, batch int) ([]int, error) {
	cases := Cases{Images: images, Targets: targets}
	if err := cases.check(); err != nil {
		return nil, err
	}
	out := slices.Clone(targets)
	s := Sample{Cases: cases, Model: model, Batch: batch}
	batcher := s.predictions(ctx, 0)
	for i, target := range targets {
		if target >= 0 {
			continue
		}
		if model == nil {
			return nil, fmt.Errorf("image %d has no target class, and there is no model to ask", i)
		}
		copy(batcher.Next(), s.image(i))
		if err := batcher.Submit(0, func(o outcome) { out[i] = o.Best }); err != nil {
			return nil, err
		}
	}
	return out, batcher.Flush()
}
