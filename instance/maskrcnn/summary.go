package maskrcnn

import "oscar/tfmodel"

// Part is a part of a detector and its number of weights.
type Part struct {
	Name       string `json:"name"`
	Parameters int    `json:"parameters"`
}

// Level is a level of the pyramid and its anchors.
type Level struct {
	Tap    string        `json:"tap"`    // the backbone's layer
	Output tfmodel.Shape `json:"output"` // [height,width,filters]
	Stride int           `json:"stride"` // pixels of the input between positions
	Anchor float64       `json:"anchor"` // side of the square anchor, in pixels of the input
	Number int           `json:"number"` // number of anchors
}

// Parts returns the parts of the detector in the order of computation.
func (a Architecture) Parts() ([]Part, error) {
	p, err := a.parts()
	if err != nil {
		return nil, err
	}
	sum := func(name string, stacks ...tfmodel.Stack) Part {
		part := Part{Name: name}
		for _, s := range stacks {
			part.Parameters += s.Parameters()
		}
		return part
	}
	return []Part{
		sum("backbone", p.backbone), sum("pyramid", append(p.lateral, p.smooth...)...), sum("region head", p.region, p.objects, p.shifts),
		sum("box head", p.box, p.names, p.corrections), sum("mask head", p.mask, p.enlarge, p.draw),
	}, nil
}

// Levels returns the levels of the pyramid, the finest first.
func (a Architecture) Levels() ([]Level, error) {
	p, err := a.parts()
	var out []Level
	for i, l := range p.levels {
		out = append(out, Level{a.Taps[i], tfmodel.Shape{l.height, l.width, a.Pyramid.Filters}, int(l.stride), a.Anchors.Sizes[i], l.height * l.width * len(a.Anchors.Ratios)})
	}
	return out, err
}

// BackboneLayers returns the layers of the backbone.
func (a Architecture) BackboneLayers() ([]tfmodel.Row, error) {
	return tfmodel.Architecture{Name: a.Name, Input: a.Input, Layers: a.Backbone}.Summary()
}
