package pipeline

import (
	"fmt"

	"oscar/explain"
	"oscar/gradcam"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

// Method is a line of the table of explanation methods.
type Method struct {
	Name   string
	Paper  string
	At     Place
	Signed bool // below zero stands what speaks against the class, and is shown; else it is cut off
	// Relative: zero has no meaning, and colours begin at the map's smallest value.
	Relative bool
}

// Place is what a method looks at.
type Place string

// The places.
const (
	AtImage      Place = "the image"
	AtLayer      Place = "a layer"              // at its resolution
	AtEither     Place = "the image or a layer" // the image, unless a layer is named for it
	ThroughLayer Place = "the image, by a layer"
)

// byDefault says whether it looks at [Settings.Layer] unless told otherwise.
func (p Place) byDefault() bool { return p == AtLayer || p == ThroughLayer }

// Methods is the table of explanation methods: the CAMs and those that look at
// the image.
func Methods() []Method {
	var out []Method
	add := func(m explain.Method) {
		out = append(out, Method{Name: m.Name, Paper: m.Paper, At: Place(m.At), Signed: m.Signed, Relative: m.Relative})
	}
	for _, e := range gradcam.Methods {
		add(e.Method)
	}
	for _, e := range explain.Methods {
		add(e.Method)
	}
	add(gradcam.Guided)
	return out
}

// backward makes the explainers, at a layer or at the image, of the methods that
// carry something else than the gradient back through the model.
var backward = map[string]func(m *tfmodel.Attached, s Settings, layer string, t countFunc) (explain.Explainer, error){
	"lrp": newLRP, "guidedbackprop": newGuidedBackprop, "guidedgradcam": newGuidedGradCAM,
}

// countFunc hears how many images an explainer has shown to the model, of how many.
type countFunc = func(done, total int)

func newLRP(m *tfmodel.Attached, s Settings, layer string, t countFunc) (explain.Explainer, error) {
	if s.Score == explain.Probability {
		return nil, fmt.Errorf("lrp shares out the logit; it has no score %q", s.Score)
	}
	rules, err := tfmodel.LookupLRP(s.Rules)
	if err != nil {
		return nil, err
	}
	model, err := m.With(rules)
	return explain.LRP{Model: model, Layer: layer, Batch: s.Batch, Progress: t}, err
}

func newGuidedBackprop(m *tfmodel.Attached, s Settings, _ string, t countFunc) (explain.Explainer, error) {
	model, err := m.With(tfmodel.GuidedBackprop())
	return explain.GuidedBackprop{Model: model, Score: s.Score, Batch: s.Batch, Progress: t}, err
}

func newGuidedGradCAM(m *tfmodel.Attached, s Settings, layer string, t countFunc) (explain.Explainer, error) {
	guided, err := m.With(tfmodel.GuidedBackprop())
	return gradcam.GuidedGradCAM{Model: m.Bundle, Guided: guided, Layer: layer, Score: s.Score, Batch: s.Batch, Progress: t}, err
}

// newExplainers makes what the settings ask for. The CAMs of a layer become one:
// they share a run of the model.
func newExplainers(s Settings, bundle *savedmodel.Bundle) ([]explain.Explainer, error) {
	looks, err := looksOf(s, bundle)
	if err != nil {
		return nil, err
	}
	var out []explain.Explainer
	for _, group := range grouped(looks) {
		e, err := newExplainer(s, bundle, group, nil)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// newExplainer makes the explainer of looks that share one.
func newExplainer(s Settings, bundle *savedmodel.Bundle, group []look, t countFunc) (explain.Explainer, error) {
	first := group[0]
	if first.At == AtLayer {
		cams := gradcam.Explainer{Model: bundle, Layer: first.layer, Score: s.Score, Progress: t}
		for _, l := range group {
			entry, err := gradcam.Lookup(l.Name)
			if err != nil {
				return nil, err
			}
			cams.Methods = append(cams.Methods, entry)
		}
		return cams, nil
	}
	if newExplainer := backward[first.Name]; newExplainer != nil {
		attached, err := tfmodel.Attach(bundle)
		if err != nil {
			return nil, err
		}
		return newExplainer(attached, s, first.layer, t)
	}
	entry, err := explain.Lookup(first.Name)
	if err != nil {
		return nil, err
	}
	return entry.New(bundle, explain.Options{Score: s.Score, Samples: s.Samples, Seed: s.Seed, Batch: s.Batch, Progress: t}), nil
}
