package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"oscar/explain"
	"oscar/gradcam"
	"oscar/relevance"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

// Method is a line of the table of explanation methods.
type Method struct {
	Name   string
	Paper  string
	Layer  bool // looks at a layer, at its resolution; else at the image
	Signed bool // at the image: negative values speak against the class
}

// Methods is the table of explanation methods: the CAMs and those that look at
// the image.
func Methods() []Method {
	var out []Method
	for _, e := range gradcam.Methods {
		out = append(out, Method{Name: e.Name, Paper: e.Paper, Layer: true})
	}
	for _, e := range explain.Methods {
		out = append(out, Method{Name: e.Name, Paper: e.Paper, Signed: e.Signed})
	}
	for _, m := range backward {
		out = append(out, m.Method)
	}
	return out
}

type backwardMethod struct {
	Method
	new func(*tfmodel.Attached, Settings) (explain.Explainer, error)
}

// backward are the methods that carry something else than the gradient back
// through the model.
var backward = []backwardMethod{
	{Method{Name: "lrp", Paper: "Bach et al. 2015, doi:10.1371/journal.pone.0130140", Signed: true}, newLRP},
	{Method{Name: "guidedbackprop", Paper: "Springenberg et al. 2014, arXiv:1412.6806", Signed: true}, newGuidedBackprop},
	{Method{Name: "guidedgradcam", Paper: "Selvaraju et al. 2017, arXiv:1610.02391, section 3.2", Signed: true}, newGuidedGradCAM},
}

func newLRP(m *tfmodel.Attached, s Settings) (explain.Explainer, error) {
	if s.Score == explain.Probability {
		return nil, fmt.Errorf("lrp shares out the logit; it has no score %q", s.Score)
	}
	rules, err := tfmodel.LookupLRP(s.Rules)
	if err != nil {
		return nil, err
	}
	model, err := m.With(rules)
	return relevance.LRP{Model: model, Batch: s.Batch}, err
}

func newGuidedBackprop(m *tfmodel.Attached, s Settings) (explain.Explainer, error) {
	model, err := m.With(tfmodel.GuidedBackprop())
	return relevance.GuidedBackprop{Model: model, Score: s.Score, Batch: s.Batch}, err
}

func newGuidedGradCAM(m *tfmodel.Attached, s Settings) (explain.Explainer, error) {
	guided, err := m.With(tfmodel.GuidedBackprop())
	return relevance.GuidedGradCAM{Model: m.Bundle, Guided: guided, Layer: s.Layer, Score: s.Score, Batch: s.Batch}, err
}

// methods reads a list of names, "gradcam,layercam".
func (s Settings) methods() ([]Method, error) {
	table := Methods()
	var out []Method
	for _, name := range strings.Split(s.Method, ",") {
		i := slices.IndexFunc(table, func(m Method) bool { return m.Name == name })
		if i < 0 {
			names := make([]string, len(table))
			for j, m := range table {
				names[j] = m.Name
			}
			return nil, fmt.Errorf("no method %q; have %s", name, strings.Join(names, ", "))
		}
		if slices.Contains(out, table[i]) {
			return nil, fmt.Errorf("method %s is named twice", name)
		}
		out = append(out, table[i])
	}
	return out, nil
}

// explainers makes what the settings ask for. The CAMs become one: they share a
// run of the model.
func (s Settings) explainers(bundle *savedmodel.Bundle) ([]explain.Explainer, error) {
	methods, err := s.methods()
	if err != nil {
		return nil, err
	}
	cams := gradcam.Explainer{Model: bundle, Layer: s.Layer, Score: s.Score}
	var out []explain.Explainer
	for _, m := range methods {
		if m.Layer {
			entry, err := gradcam.Lookup(m.Name)
			if err != nil {
				return nil, err
			}
			cams.Methods = append(cams.Methods, entry)
			continue
		}
		e, err := s.atImage(m.Name, bundle)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	if len(cams.Methods) > 0 {
		out = append([]explain.Explainer{cams}, out...)
	}
	return out, nil
}

// atImage makes the explainer of a method that looks at the image.
func (s Settings) atImage(name string, bundle *savedmodel.Bundle) (explain.Explainer, error) {
	for _, m := range backward {
		if m.Name == name {
			attached, err := tfmodel.Attach(bundle)
			if err != nil {
				return nil, err
			}
			return m.new(attached, s)
		}
	}
	entry, err := explain.Lookup(name)
	if err != nil {
		return nil, err
	}
	return entry.New(bundle, explain.Options{Score: s.Score, Samples: s.Samples, Seed: s.Seed, Batch: s.Batch}), nil
}
