package dataset

import "fmt"

// A Policy changes each image by several variations. They are drawn anew for each image and epoch
// and applied one after another, as in RandAugment (Cubuk et al. 2020, arXiv:1909.13719).
type Policy struct {
	// Choose is the number of variations per image; one may be drawn twice.
	Choose int `json:"choose"`
	// Magnitude is the strength of [RandAugment], above 0 to 30. It is used if Of is empty.
	Magnitude float64 `json:"magnitude,omitempty"`
	// Of are the variations to choose from.
	Of []Variation `json:"of,omitempty"`
}

// RandAugment returns RandAugment's variations for a magnitude up to 30, with torchvision's ranges.
// Two differences: the strength of a change is drawn uniformly up to the magnitude, and shear is
// only horizontal.
func RandAugment(magnitude float64) []Variation {
	m := magnitude / 30
	around := func(x float64) Span { return Span{-x * m, x * m} }
	factor := Factor{1 - 0.9*m, 1 + 0.9*m}
	return []Variation{
		{},
		{Rotation: around(30)},
		{Shear: around(17.2)}, // 0.3 rad
		{WidthShift: around(150.0 / 331)},
		{HeightShift: around(150.0 / 331)},
		{Brightness: factor},
		{Contrast: factor},
		{Saturation: factor},
		{Sharpness: factor},
		{Posterize: uint8(8 - int(4*m+0.5))},
		{Solarize: uint8(max(1, 255-int(255*m)))},
		{Autocontrast: true},
		{Equalize: true},
	}
}

// resolved returns the policy with its variations filled in.
func (p *Policy) resolved() *Policy {
	if p == nil || len(p.Of) > 0 {
		return p
	}
	return &Policy{Choose: p.Choose, Of: RandAugment(p.Magnitude)}
}

// maxVariations is the maximum number of variations of a policy.
const maxVariations = 100

func (p *Policy) check() error {
	switch {
	case p == nil:
		return nil
	case p.Choose < 1 || p.Choose > 10:
		return fmt.Errorf("policy.choose is %d, want 1 to 10", p.Choose)
	case len(p.Of) > 0 && p.Magnitude != 0:
		return fmt.Errorf("policy has both of and magnitude; give one")
	case len(p.Of) == 0 && !(p.Magnitude > 0 && p.Magnitude <= 30):
		return fmt.Errorf("policy.magnitude is %g, want above 0 to 30, or of with a list of variations", p.Magnitude)
	case len(p.Of) > maxVariations:
		return fmt.Errorf("policy.of has %d variations, want at most %d", len(p.Of), maxVariations)
	}
	for i, v := range p.Of {
		if err := v.Check(); err != nil {
			return fmt.Errorf("policy.of %d: %w", i+1, err)
		}
	}
	return nil
}

// draw draws the changes of an image.
func (p *Policy) draw(r *random) (changes []change) {
	for range p.Choose {
		changes = append(changes, p.Of[r.intn(len(p.Of))].draw(r))
	}
	return changes
}
