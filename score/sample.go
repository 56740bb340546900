package score

import (
	"context"
	"fmt"

	"oscar/explain"
)

// Cases are images, the class of each that is to be explained, and, where it is
// known, where in the image that class is.
type Cases struct {
	Images    explain.Images
	Targets   []int       // one class an image
	Masks     []Mask      // one an image, or none
	Quadrants []Quadrants // one an image if these are mosaics, else none
}

// Mask says which pixels of an image belong to the object: row-major
// [Height,Width].
type Mask struct {
	Height, Width int
	Inside        []bool
}

// Quadrants says which quarters of a mosaic show the target class: top left,
// top right, bottom left, bottom right.
type Quadrants [4]bool

// Sample is all that a metric may ask for: cases, one method's explanations of
// them, and the means to try what the model does.
type Sample struct {
	Cases
	Maps []explain.Grid // the method's map of each image, of any resolution

	Model      explain.Predictor // see [Needs] for who asks for which
	Explainer  explain.Explainer // what made the maps
	Randomised Cascade

	Batch    int                   // images at a time for the model and the explainer; 0 is 32
	Seed     uint64                // of every draw
	Progress func(done, total int) // told after each batch how many images went through; may be nil
}

// Cascade is one explainer on ever more randomised copies of the model, for
// the sanity check.
type Cascade struct {
	Layers []string // from the logits down
	// Explainer looks at a model whose layers Layers[:depth] hold fresh initial
	// values; depth is 1 to len(Layers).
	Explainer func(depth int) (explain.Explainer, error)
}

// DefaultBatch is how many images go to the model at a time if not said.
const DefaultBatch = 32

// check says what of a sample is missing or does not fit.
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
		return fmt.Errorf("%d maps for %d images; want one an image", len(s.Maps), s.Images.N)
	}
	for i, g := range s.Maps {
		if g.Height < 1 || g.Width < 1 || len(g.Values) != g.Height*g.Width {
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

// has says which needs the sample meets.
func (s Sample) has() Needs {
	var has Needs
	for need, met := range map[Needs]bool{
		NeedsModel:      s.Model != nil,
		NeedsExplainer:  s.Explainer != nil,
		NeedsMasks:      s.Masks != nil,
		NeedsMosaics:    s.Quadrants != nil,
		NeedsRandomised: len(s.Randomised.Layers) > 0 && s.Randomised.Explainer != nil,
	} {
		if met {
			has |= need
		}
	}
	return has
}

func (c Cases) check() error {
	m := c.Images
	if m.N < 0 || m.Height < 1 || m.Width < 1 || m.Channels < 1 || len(m.Pixels) != m.N*m.Height*m.Width*m.Channels {
		return fmt.Errorf("images [%d,%d,%d,%d] have %d values", m.N, m.Height, m.Width, m.Channels, len(m.Pixels))
	}
	if len(c.Targets) != m.N {
		return fmt.Errorf("%d targets for %d images; want one an image", len(c.Targets), m.N)
	}
	if c.Masks != nil && len(c.Masks) != m.N {
		return fmt.Errorf("%d masks for %d images; want one an image", len(c.Masks), m.N)
	}
	for i, mask := range c.Masks {
		if mask.Height != m.Height || mask.Width != m.Width || len(mask.Inside) != m.Height*m.Width {
			return fmt.Errorf("mask %d is %dx%d with %d values; want the image's %dx%d", i, mask.Height, mask.Width, len(mask.Inside), m.Height, m.Width)
		}
	}
	if c.Quadrants != nil && len(c.Quadrants) != m.N {
		return fmt.Errorf("%d quadrants for %d mosaics; want one a mosaic", len(c.Quadrants), m.N)
	}
	return nil
}

// image is the pixels of image i.
func (s Sample) image(i int) []float32 { return pixels(s.Images, i) }

// pixels is the pixels of image i of a batch.
func pixels(m explain.Images, i int) []float32 {
	size := m.Height * m.Width * m.Channels
	return m.Pixels[i*size : (i+1)*size]
}

// heat is the map of image i at the image's size: bilinear between half-pixel
// centres, by the one implementation of it.
func (s Sample) heat(i int) explain.Grid {
	return s.Maps[i].Resize(s.Images.Height, s.Images.Width)
}

// each judges the images one by one and gives every value its class.
func (s Sample) each(judge func(i int) Value) []Value {
	values := make([]Value, s.Images.N)
	for i := range values {
		values[i] = judge(i)
		values[i].Class = s.Targets[i]
	}
	return values
}

// Targets gives every image a class: where targets says [explain.Predicted]
// the model's. The model gets at most batch images at a time, 0 is 32.
func Targets(ctx context.Context, model explain.Predictor, images explain.Images, targets []int, batch int) ([]int, error) {
	cases := Cases{Images: images, Targets: targets}
	if err := cases.check(); err != nil {
		return nil, err
	}
	out := append([]int(nil), targets...)
	s := Sample{Cases: cases, Model: model, Batch: batch}
	trial := s.predictions(ctx, 0)
	for i, target := range targets {
		if target >= 0 {
			continue
		}
		if model == nil {
			return nil, fmt.Errorf("image %d has no target class, and there is no model to ask", i)
		}
		copy(trial.next(), s.image(i))
		if err := trial.submit(0, func(a answer) { out[i] = a.Best }); err != nil {
			return nil, err
		}
	}
	return out, trial.flush()
}
