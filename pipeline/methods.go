package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"oscar/explain"
	"oscar/gradcam"
	"oscar/savedmodel"
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
	return out
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
		entry, err := explain.Lookup(m.Name)
		if err != nil {
			return nil, err
		}
		out = append(out, entry.New(bundle, explain.Options{Score: s.Score, Samples: s.Samples, Seed: s.Seed, Batch: s.Batch}))
	}
	if len(cams.Methods) > 0 {
		out = append([]explain.Explainer{cams}, out...)
	}
	return out, nil
}
