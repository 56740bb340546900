// Package methods has the table of explanation methods: the facts about each, and functions that
// make its explainer for an opened SavedModel. Packages explain and gradcam implement the methods,
// and tfmodel the signatures; [Table] joins them by name.
//
// To add a method, write one file in explain or gradcam, and add one line to that package's table of
// methods. To let a SavedModel compute it, add a line to tfmodel's table of signatures.
package methods

import (
	"fmt"

	"oscar/explain"
	"oscar/gradcam"
	"oscar/internal/named"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

// A Method is a line of the table.
type Method struct {
	explain.Method
	// New makes the explainer. Options.Layer is the layer of a method that uses one.
	New func(Model, Options) (explain.Explainer, error)
	// Signature adds the method to an exported network; nil if this is impossible. layer is used by
	// methods that explain a layer.
	Signature func(n *tfmodel.Network, layer string) (savedmodel.Signature, error)

	cam gradcam.Entry // for methods that explain a layer
}

// UsesLayer reports whether the method uses the settings' layer if the method itself names none.
func (m Method) UsesLayer() bool {
	return m.At == explain.AtLayer || m.At == explain.ThroughLayer
}

// HasRules reports whether LRP's rules change the maps.
func (m Method) HasRules() bool { return m.Needs&explain.Propagates != 0 }

// Fine reports whether the maps at a layer have the image's resolution.
func (m Method) Fine(layer string) bool {
	return layer == explain.Image || m.At == explain.ThroughLayer
}

// Options are the settings of explainers.
type Options struct {
	explain.Options
	Rules string // LRP's composite of rules, a name of tfmodel.LRPs
}

// A Runner runs a model forward, backward, and from a layer on.
type Runner interface {
	explain.Model
	explain.Head
}

// A Model is an opened SavedModel with the operations that methods need.
type Model struct {
	Bundle *savedmodel.Bundle
	Runner Runner // replaces the bundle, if not nil
}

// runner returns the Runner, or the bundle.
func (m Model) runner() Runner {
	if m.Runner != nil {
		return m.Runner
	}
	return m.Bundle
}

// signals is a model whose gradients are replaced by another signal. Its predictions are the
// model's.
type signals struct {
	explain.Predictor
	explain.Differentiator
}

// propagating returns the model with the relevance of LRP's rules instead of gradients.
func (m Model) propagating(o Options) (explain.Model, error) {
	if o.Score == explain.Probability {
		return nil, fmt.Errorf("LRP distributes the logit, not the score %q", o.Score)
	}
	rules, err := tfmodel.LookupLRP(o.Rules)
	if err != nil {
		return nil, err
	}
	attached, err := tfmodel.Attach(m.Bundle)
	if err != nil {
		return nil, err
	}
	d, err := attached.With(rules)
	return signals{m.Bundle, d}, err
}

// guided returns the model with guided gradients.
func (m Model) guided() (explain.Model, error) {
	d, err := tfmodel.WithGuidedGradients(m.Bundle)
	return signals{m.Bundle, d}, err
}

// Table is the table of methods, in the order of help texts. Do not change it at
// run time.
var Table = table()

func table() []Method {
	var out []Method
	for _, entry := range gradcam.Methods {
		out = append(out, Method{Method: entry.Method, cam: entry, New: func(m Model, o Options) (explain.Explainer, error) {
			return newCAMs(m, o, entry), nil
		}})
	}
	for _, entry := range explain.Methods {
		out = append(out, Method{Method: entry.Method, New: func(m Model, o Options) (explain.Explainer, error) {
			model, err := explain.Model(m.runner()), error(nil)
			switch {
			case entry.Needs&explain.Propagates != 0:
				model, err = m.propagating(o)
			case entry.Needs&explain.Guides != 0:
				model, err = m.guided()
			}
			if err != nil {
				return nil, err
			}
			return entry.New(model, o.Options), nil
		}})
	}
	out = append(out, Method{Method: gradcam.Guided, New: func(m Model, o Options) (explain.Explainer, error) {
		guided, err := m.guided()
		return gradcam.GuidedGradCAM{Model: m.runner(), Guided: guided, Layer: o.Layer, Score: o.Score, Batch: o.Batch, Progress: o.Progress}, err
	}})
	for i, m := range out {
		if s, err := tfmodel.LookupExplanation(m.Name); err == nil {
			out[i].Signature = s.New
		}
	}
	return out
}

// newCAMs returns one explainer for several CAMs at a layer, which share a run of the model.
func newCAMs(m Model, o Options, entries ...gradcam.Entry) explain.Explainer {
	return gradcam.Explainer{Model: m.runner(), Layer: o.Layer, Score: o.Score, Methods: entries, Progress: o.Progress}
}

// Names lists the methods.
func Names() []string {
	return named.Names(Table, func(m Method) string { return m.Name })
}

// Lookup returns the method of a name.
func Lookup(name string) (Method, error) {
	return named.Find("method", name, Table, func(m Method) string { return m.Name })
}
