package dataset

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"oscar/internal/named"
)

// Augmentation configures how training images are changed. The result depends only on the seed, the
// epoch and the image's position, not on batches or workers. The zero value changes nothing.
type Augmentation struct {
	// Copies adds one changed image per entry for each training image. The change is drawn once and
	// stays the same in all epochs.
	Copies []Variation `json:"copies,omitempty"`
	// Phases are applied one after another. In a phase every image, including copies, is changed anew
	// in every epoch. After the last phase images are not changed.
	Phases []Phase `json:"phases,omitempty"`
}

// A Phase is a number of epochs with the same variation.
type Phase struct {
	// Epochs is the length of the phase; 0, in the last phase: all remaining epochs.
	Epochs int `json:"epochs,omitempty"`
	Variation
	// Policy, if not nil, changes each image further.
	Policy *Policy `json:"policy,omitempty"`
	Mixing
}

// A Variation is the distribution of an image's changes. The names and the geometry
// are those of Keras's ImageDataGenerator, the colors are those of
// torchvision's ColorJitter. The zero value changes nothing.
type Variation struct {
	Rotation       Span     `json:"rotation,omitzero"`         // degrees, anticlockwise
	WidthShift     Span     `json:"width_shift,omitzero"`      // share of the width
	HeightShift    Span     `json:"height_shift,omitzero"`     // share of the height
	Shear          Span     `json:"shear,omitzero"`            // degrees
	Zoom           Factor   `json:"zoom,omitzero"`             // factor of the visible width and height, drawn separately; above 1 zooms out
	RandomCrop     Factor   `json:"random_crop,omitzero"`      // share of the area that is kept, 0 to 1, at a random position
	HorizontalFlip bool     `json:"horizontal_flip,omitempty"` // left and right, of half of the images
	VerticalFlip   bool     `json:"vertical_flip,omitempty"`   // top and bottom, of half of the images
	Brightness     Factor   `json:"brightness,omitzero"`       // factor of all colors
	Contrast       Factor   `json:"contrast,omitzero"`         // factor of the distance from the image's mean gray
	Saturation     Factor   `json:"saturation,omitzero"`       // factor of the distance from a pixel's gray
	Hue            Span     `json:"hue,omitzero"`              // degrees
	Autocontrast   bool     `json:"autocontrast,omitempty"`    // each channel is stretched to 0..255
	Equalize       bool     `json:"equalize,omitempty"`        // histogram equalization of each channel
	Solarize       uint8    `json:"solarize,omitempty"`        // values from this one on are inverted; 0: none
	Posterize      uint8    `json:"posterize,omitempty"`       // bits of each value that are kept; 0: all
	Sharpness      Factor   `json:"sharpness,omitzero"`        // factor of the distance from a smoothed image
	RandomErasing  float64  `json:"random_erasing,omitempty"`  // probability that a rectangle is filled with noise
	FillMode       FillMode `json:"fill_mode,omitempty"`       // beyond the border; "" is FillNearest
	FillValue      uint8    `json:"fill_value,omitempty"`      // gray of FillConstant
}

// A FillMode selects the content beyond the border of a moved image.
type FillMode string

// The fill modes, as in Keras and SciPy.
const (
	FillNearest  FillMode = "nearest"  // the border's pixels repeated, the default: aaaa|abcd|dddd
	FillReflect  FillMode = "reflect"  // the image mirrored: dcba|abcd|dcba
	FillConstant FillMode = "constant" // FillValue
)

// FillModes lists the known names, the default first.
func FillModes() []FillMode { return []FillMode{FillNearest, FillReflect, FillConstant} }

// Images returns the number of images per epoch for n images of the data set.
func (a Augmentation) Images(n int) int { return n * (1 + len(a.Copies)) }

// Check returns an error for the first setting that is out of range.
func (a Augmentation) Check() error {
	for i, c := range a.Copies {
		if err := c.Check(); err != nil {
			return fmt.Errorf("copy %d: %w", i+1, err)
		}
	}
	for i, p := range a.Phases {
		switch {
		case p.Epochs < 0:
			return fmt.Errorf("phase %d: epochs is %d, want 1 or more", i+1, p.Epochs)
		case p.Epochs == 0 && i < len(a.Phases)-1:
			return fmt.Errorf("phase %d: epochs is missing: only the last phase may take all that are left", i+1)
		}
		if err := cmp.Or(p.Variation.Check(), p.Policy.check(), p.Mixing.Check()); err != nil {
			return fmt.Errorf("phase %d: %w", i+1, err)
		}
	}
	return nil
}

// Check returns an error for the first setting that is out of range.
func (v Variation) Check() error {
	zoom, crop := v.Zoom.orOne(), v.RandomCrop.orOne()
	brightness, contrast, saturation, sharpness := v.Brightness.orOne(), v.Contrast.orOne(), v.Saturation.orOne(), v.Sharpness.orOne()
	err := cmp.Or(
		checkSpan("rotation", v.Rotation.Low, v.Rotation.High, -360, 360),
		checkSpan("width_shift", v.WidthShift.Low, v.WidthShift.High, -1, 1),
		checkSpan("height_shift", v.HeightShift.Low, v.HeightShift.High, -1, 1),
		checkSpan("shear", v.Shear.Low, v.Shear.High, -80, 80),
		checkSpan("zoom", zoom.Low, zoom.High, 0.01, 100),
		checkSpan("random_crop", crop.Low, crop.High, 0.01, 1),
		checkSpan("brightness", brightness.Low, brightness.High, 0, 10),
		checkSpan("contrast", contrast.Low, contrast.High, 0, 10),
		checkSpan("saturation", saturation.Low, saturation.High, 0, 10),
		checkSpan("hue", v.Hue.Low, v.Hue.High, -180, 180),
		checkSpan("sharpness", sharpness.Low, sharpness.High, 0, 10),
		checkSpan("random_erasing", v.RandomErasing, v.RandomErasing, 0, 1),
		checkSpan("posterize", float64(v.Posterize), float64(v.Posterize), 0, 8),
	)
	if err == nil && v.FillMode != "" {
		err = named.Check("fill_mode", v.FillMode, FillModes())
	}
	if err == nil && v.FillValue != 0 && v.FillMode != FillConstant {
		err = fmt.Errorf("fill_value is %v, which only fill_mode constant has", v.FillValue)
	}
	return err
}

// draw draws the changes of one image. It always takes the same number of values from r, so that a
// setting does not affect other draws.
func (v Variation) draw(r *random) change {
	half := func(on bool) bool { return r.intn(2) == 1 && on }
	c := change{
		rotation: v.Rotation.draw(r) * math.Pi / 180,
		shiftX:   v.WidthShift.draw(r), shiftY: v.HeightShift.draw(r),
		shear: v.Shear.draw(r) * math.Pi / 180,
		zoomX: v.Zoom.draw(r), zoomY: v.Zoom.draw(r),
		side:  math.Sqrt(v.RandomCrop.draw(r)),
		cropX: r.uniform(-0.5, 0.5), cropY: r.uniform(-0.5, 0.5),
		flipX: half(v.HorizontalFlip), flipY: half(v.VerticalFlip),
		brightness: v.Brightness.draw(r), contrast: v.Contrast.draw(r), saturation: v.Saturation.draw(r),
		hue:  v.Hue.draw(r) * math.Pi / 180,
		mode: v.FillMode, fill: v.FillValue,
	}
	c.tone = tone{v.Autocontrast, v.Equalize, v.Solarize, v.Posterize, v.Sharpness.draw(r)}
	c.erasure = drawErasure(r, v.RandomErasing)
	return c
}

// Resolved returns the augmentation with the variations of its policies filled in.
func (a Augmentation) Resolved() Augmentation {
	a.Phases = slices.Clone(a.Phases)
	for i := range a.Phases {
		a.Phases[i].Policy = a.Phases[i].Policy.resolved()
	}
	return a
}

// phase returns the phase of an epoch, counted from 0. After the last phase it returns one that
// changes nothing.
func (a Augmentation) phase(epoch int) Phase {
	for _, p := range a.Phases {
		if p.Epochs == 0 || epoch < p.Epochs {
			return p
		}
		epoch -= p.Epochs
	}
	return Phase{}
}

// Mixes reports whether images are mixed in some phase.
func (a Augmentation) Mixes() bool {
	return slices.ContainsFunc(a.Phases, func(p Phase) bool { return p.Mixing != Mixing{} })
}

// An Epoch is one pass over augmented images.
type Epoch struct {
	Augmentation Augmentation
	Seed         uint64
	Number       int // from 0
}

// Keys that make the random numbers of copies, phases and Order independent.
const (
	copyKey   = 0x636f7079
	phaseKey  = 0x70686173
	policyKey = 0x706f6c69
)

// changes returns the changes of image index, below Augmentation.Images(n): first the change of its
// copy, then that of its phase.
func (e Epoch) changes(index, n int) []change {
	var out []change
	if c := index / n; c > 0 {
		r := newRandom(copyKey, e.Seed, uint64(index))
		out = append(out, e.Augmentation.Copies[c-1].draw(r))
	}
	phase := e.Augmentation.phase(e.Number)
	if phase.Variation == (Variation{}) && phase.Policy == nil {
		return out
	}
	c := phase.Variation.draw(newRandom(phaseKey, e.Seed, uint64(e.Number), uint64(index)))
	if phase.Policy == nil {
		return append(out, c)
	}
	last := unchanged // erasing comes after all other changes
	last.erasure, c.erasure = c.erasure, erasure{}
	out = append(out, c)
	out = append(out, phase.Policy.resolved().draw(newRandom(policyKey, e.Seed, uint64(e.Number), uint64(index)))...)
	return append(out, last)
}
