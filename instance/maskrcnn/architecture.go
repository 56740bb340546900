package maskrcnn

import (
	"fmt"
	"slices"

	"oscar/tfmodel"
)

// Architecture describes a Mask R-CNN. Each list of layers is replaceable.
type Architecture struct {
	Name     string          `json:"name"`
	Input    tfmodel.Shape   `json:"input"` // [height,width,3]
	Classes  int             `json:"classes"`
	Backbone []tfmodel.Named `json:"backbone"`
	Taps     []string        `json:"taps"` // the backbone's layers that feed the pyramid, the finest first
	// Tuning, if not nil, is how a backbone with loaded weights is trained.
	Tuning  *tfmodel.Tuning `json:"tuning,omitempty"`
	Pyramid Pyramid         `json:"pyramid"`
	Anchors Anchors         `json:"anchors"`
	// RegionHead predicts objectness at each position of the pyramid.
	RegionHead []tfmodel.Named `json:"region_head"`
	// BoxHead classifies a region, which is pooled to BoxSize x BoxSize cells.
	BoxHead []tfmodel.Named `json:"box_head"`
	BoxSize int             `json:"box_size"`
	// MaskHead takes a region that is pooled to MaskSize x MaskSize cells, and keeps this size. The
	// mask has twice this size, and MaskChannels channels before the last convolution.
	MaskHead     []tfmodel.Named `json:"mask_head"`
	MaskSize     int             `json:"mask_size"`
	MaskChannels int             `json:"mask_channels"`
	Regions      Regions         `json:"regions"`
}

// Pyramid is the feature pyramid (Lin et al. 2017, arXiv:1612.03144).
type Pyramid struct {
	Filters int  `json:"filters"`
	TopDown bool `json:"top_down"` // add coarse levels to finer ones
	// Canonical is the minimum side of a region for the coarsest level, in pixels; the side is the
	// square root of the area. Each finer level has half the minimum of the level above it.
	Canonical float64 `json:"canonical"`
}

// Anchors are the boxes at each position of a level.
type Anchors struct {
	Sizes  []float64 `json:"sizes"`  // side of the square anchor per level, in pixels
	Ratios []float64 `json:"ratios"` // height / width
}

// Regions has the settings for sampling and selecting regions.
type Regions struct {
	IoU             float64 `json:"iou"`              // of non-maximum suppression
	TrainCandidates int     `json:"train_candidates"` // per level, before suppression
	TrainProposals  int     `json:"train_proposals"`  // per image, after suppression
	TestCandidates  int     `json:"test_candidates"`
	TestProposals   int     `json:"test_proposals"`
	Positives       int     `json:"positives"`       // sampled per image in training
	Negatives       int     `json:"negatives"`       // sampled per image in training
	AnchorSamples   int     `json:"anchor_samples"`  // sampled per image in training, at most half of them positive
	Detections      int     `json:"detections"`      // per image
	DetectionIoU    float64 `json:"detection_iou"`   // of non-maximum suppression within a class
	DetectionScore  float64 `json:"detection_score"` // the minimum
}

// level is a level of the pyramid.
type level struct {
	height, width int
	stride        float64
}

// parts are the stacks of a detector.
type parts struct {
	Architecture
	backbone                tfmodel.Stack
	taps                    []int
	levels                  []level
	lateral, smooth         []tfmodel.Stack
	region, objects, shifts tfmodel.Stack
	box, names, corrections tfmodel.Stack
	mask, enlarge, draw     tfmodel.Stack
}

// outside reports whether a value is outside a range or NaN.
func outside(values []float64, low, high float64) bool {
	return slices.ContainsFunc(values, func(v float64) bool { return !(v >= low && v <= high) })
}

func (p parts) all() []tfmodel.Stack {
	return slices.Concat([]tfmodel.Stack{p.backbone}, p.lateral, p.smooth,
		[]tfmodel.Stack{p.region, p.objects, p.shifts, p.box, p.names, p.corrections, p.mask, p.enlarge, p.draw})
}

// Check reports the first invalid setting.
func (a Architecture) Check() error {
	_, err := a.parts()
	return err
}

// maskSide returns the side of a predicted mask, in cells of its box.
func (a Architecture) maskSide() int { return 2 * a.MaskSize }

func (a Architecture) parts() (p parts, err error) {
	p.Architecture = a
	for _, c := range []struct {
		wrong bool
		what  string
	}{
		{len(a.Input) != 3 || a.Input[0] < 32 || a.Input[1] < 32 || a.Input[0] > 4096 || a.Input[1] > 4096 || a.Input[2] != 3, "input is not [height,width,3] with sides of 32 to 4096"},
		{a.Classes < 1 || a.Classes > 1000, "classes is not 1 to 1000"},
		{len(a.Taps) < 1 || len(a.Taps) != len(a.Anchors.Sizes), "taps and anchors.sizes differ in number, or there are none"},
		{len(a.Anchors.Ratios) < 1 || len(a.Anchors.Ratios) > 16 || outside(a.Anchors.Ratios, 1e-3, 1e3), "anchors.ratios are not 1 to 16 numbers of 0.001 to 1000"},
		{outside(a.Anchors.Sizes, 1, 1<<14), "anchors.sizes are not of 1 to 16384 pixels"},
		{a.Pyramid.Filters < 1 || a.BoxSize < 1 || a.MaskSize < 1 || a.MaskChannels < 1, "pyramid.filters, box_size, mask_size or mask_channels is below 1"},
		{max(a.Pyramid.Filters, a.MaskChannels) > 1<<14 || max(a.BoxSize, a.MaskSize) > 256, "pyramid.filters or mask_channels is above 16384, or box_size or mask_size above 256"},
		{outside([]float64{a.Pyramid.Canonical}, 1, 1<<14), "pyramid.canonical is not 1 to 16384 pixels"},
		{!(a.Regions.IoU > 0 && a.Regions.IoU <= 1 && a.Regions.DetectionIoU > 0 && a.Regions.DetectionIoU <= 1), "regions.iou or regions.detection_iou is not above 0 to 1"},
		{min(a.Regions.TrainCandidates, a.Regions.TrainProposals, a.Regions.TestCandidates, a.Regions.TestProposals,
			a.Regions.Positives, a.Regions.Negatives, a.Regions.AnchorSamples, a.Regions.Detections) < 1, "a number of regions is below 1"},
		{max(a.Regions.TrainCandidates, a.Regions.TestCandidates) > 5000, "regions has more than 5000 candidates"},
		{max(a.Regions.TrainProposals, a.Regions.TestProposals, a.Regions.AnchorSamples, a.Regions.Detections) > 1<<16, "regions has more than 65536 proposals, anchor_samples or detections"},
		{outside([]float64{a.Regions.DetectionScore}, 0, 1), "regions.detection_score is not 0 to 1"},
		{max(a.Regions.Positives, a.Regions.Negatives) > a.Regions.TrainProposals, "regions samples more than train_proposals"},
	} {
		if c.wrong {
			return p, fmt.Errorf("detector %s: %s", a.Name, c.what)
		}
	}
	stack := func(prefix string, layers []tfmodel.Named, in tfmodel.Shape) tfmodel.Stack {
		s, e := tfmodel.NewStack(prefix, layers, in)
		if err == nil && e != nil {
			err = fmt.Errorf("detector %s: %s%w", a.Name, prefix, e)
		}
		return s
	}
	conv := func(prefix, name string, filters, kernel int, in tfmodel.Shape) tfmodel.Stack {
		return stack(prefix, []tfmodel.Named{{Name: name, Layer: &tfmodel.Conv2D{Filters: filters, Kernel: kernel, Stride: 1, Padding: tfmodel.Same}}}, in)
	}
	if p.backbone = stack("", a.Backbone, a.Input); err != nil {
		return p, err
	}
	if a.Tuning != nil {
		if p.backbone, err = p.backbone.Tuned(*a.Tuning); err != nil {
			return p, fmt.Errorf("detector %s: %w", a.Name, err)
		}
	}
	for i, tap := range a.Taps {
		index, out, err := p.backbone.Layer(tap)
		if err != nil {
			return p, fmt.Errorf("detector %s: taps: %w", a.Name, err)
		}
		if len(out) != 3 || a.Input[0]%out[0] != 0 || a.Input[0]/out[0] != a.Input[1]/out[1] {
			return p, fmt.Errorf("detector %s: tap %s has the shape %v, no whole fraction of the input %v", a.Name, tap, out, a.Input)
		}
		l := level{out[0], out[1], float64(a.Input[0] / out[0])}
		if i > 0 && (p.levels[i-1].height != 2*l.height || p.levels[i-1].width != 2*l.width) {
			return p, fmt.Errorf("detector %s: tap %s does not have half the side of the one before", a.Name, tap)
		}
		p.taps, p.levels = append(p.taps, index), append(p.levels, l)
		wide := tfmodel.Shape{out[0], out[1], a.Pyramid.Filters}
		p.lateral = append(p.lateral, conv("pyramid/", fmt.Sprintf("lateral%d", i+1), a.Pyramid.Filters, 1, out))
		p.smooth = append(p.smooth, conv("pyramid/", fmt.Sprintf("smooth%d", i+1), a.Pyramid.Filters, 3, wide))
	}
	if err != nil {
		return p, err
	}
	cells := func(side int) tfmodel.Shape { return tfmodel.Shape{side, side, a.Pyramid.Filters} }
	anchors := len(a.Anchors.Ratios)
	p.region = stack("region/", a.RegionHead, tfmodel.Shape{p.levels[0].height, p.levels[0].width, a.Pyramid.Filters})
	p.box = stack("box/", a.BoxHead, cells(a.BoxSize))
	p.mask = stack("mask/", a.MaskHead, cells(a.MaskSize))
	if err != nil {
		return p, err
	}
	if out := p.region.Out(); len(out) != 3 || out[0] != p.levels[0].height || out[1] != p.levels[0].width {
		return p, fmt.Errorf("detector %s: region_head gives %v, want one vector for each position", a.Name, out)
	}
	if out := p.box.Out(); len(out) != 1 {
		return p, fmt.Errorf("detector %s: box_head gives %v, want [units]", a.Name, out)
	}
	if out := p.mask.Out(); len(out) != 3 || out[0] != a.MaskSize || out[1] != a.MaskSize {
		return p, fmt.Errorf("detector %s: mask_head gives %v, want %d x %d cells", a.Name, out, a.MaskSize, a.MaskSize)
	}
	dense := func(name string, units int) tfmodel.Stack {
		return stack("box/", []tfmodel.Named{{Name: name, Layer: &tfmodel.Dense{Units: units}}}, p.box.Out())
	}
	p.objects = conv("region/", "object", anchors, 1, p.region.Out())
	p.shifts = conv("region/", "shift", 4*anchors, 1, p.region.Out())
	p.names = dense("class", a.Classes+1)
	p.corrections = dense("correction", 4*a.Classes)
	p.enlarge = conv("mask/", "enlarge", 4*a.MaskChannels, 1, p.mask.Out())
	p.draw = conv("mask/", "class", a.Classes, 1, tfmodel.Shape{a.maskSide(), a.maskSide(), a.MaskChannels})
	return p, err
}

// Memory forecasts the memory of training in bytes. batch is the number of images in a step, objects
// the maximum number of objects per image.
func (a Architecture) Memory(batch, objects int) (float64, error) {
	p, err := a.parts()
	if err != nil {
		return 0, err
	}
	weights, once, anchors := 0.0, p.backbone.Memory(batch), 0
	for _, s := range p.all() {
		weights += 4 * float64(s.Parameters())
	}
	for i, l := range p.levels {
		once += p.lateral[i].Memory(batch) + p.smooth[i].Memory(batch)
		anchors += l.height * l.width * len(a.Anchors.Ratios)
	}
	for _, s := range []tfmodel.Stack{p.region, p.objects, p.shifts} { // coarser levels add a third of the finest
		once += s.Memory(batch) * 4 / 3
	}
	regions := batch * (a.Regions.Positives + a.Regions.Negatives)
	for _, s := range []tfmodel.Stack{p.box, p.names, p.corrections} {
		once += s.Memory(regions)
	}
	for _, s := range []tfmodel.Stack{p.mask, p.enlarge, p.draw} {
		once += s.Memory(batch * a.Regions.Positives)
	}
	cells := float64(a.Pyramid.Filters) * float64(a.BoxSize*a.BoxSize*regions+a.MaskSize*a.MaskSize*batch*a.Regions.Positives)
	matched := float64(batch) * float64(objects) * float64(anchors+a.Regions.TrainProposals)
	given := float64(batch) * float64(objects) * float64(a.Input[0]*a.Input[1]) // masks as bytes and as floats
	// A weight has two values of Adam, its gradient and a copy. The backward pass has as many values as
	// the forward pass.
	return 5*weights + 2*once + 8*cells + 8*matched + 8*given, nil
}

// Parameters returns the number of weights.
func (a Architecture) Parameters() (int, error) {
	p, err := a.parts()
	if err != nil {
		return 0, err
	}
	n := 0
	for _, s := range p.all() {
		n += s.Parameters()
	}
	return n, nil
}
