package methods

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"oscar/explain"
	"oscar/gradcam"
	"oscar/result"
	"oscar/savedmodel"
)

// At is a method with its layer: "gradcam" and "conv5".
type At = explain.MethodAt

// Parse reads a list of methods, such as "gradcam,lrp@conv5", or [result.AllMethods]. An empty list
// is gradcam, the default of most models. Layer is empty if the list does not name one.
func Parse(list string) ([]At, error) {
	var out []At
	list = cmp.Or(list, defaultMethod)
	if list == result.AllMethods {
		for _, name := range Names() {
			out = append(out, At{Method: name})
		}
		return out, nil
	}
	for _, item := range strings.Split(list, ",") {
		name, layer, named := strings.Cut(item, "@")
		m, err := Lookup(name)
		at := At{Method: name, Layer: layer}
		switch {
		case err != nil:
			return nil, err
		case named && layer == "":
			return nil, fmt.Errorf("method %q names no layer after its @", item)
		case named && m.At == explain.AtImage && layer != explain.Image:
			return nil, fmt.Errorf("%s explains the image; it has no layer %q", name, layer)
		case slices.Contains(out, at):
			return nil, fmt.Errorf("method %s is named twice", item)
		}
		out = append(out, at)
	}
	return out, nil
}

const defaultMethod = "gradcam"

// Default returns the method for a model if the user names none. It is gradcam. If the user names no
// layer and the model has no default one, it is a method that explains the image.
func Default(bundle *savedmodel.Bundle, layer string) string {
	switch {
	case layer != "" || bundle.Metadata.Explain != "":
		return defaultMethod
	case bundle.CheckGradient(explain.Image) == nil:
		return "integrated-gradients"
	}
	return "occlusion"
}

// Of returns the settings' methods with their layers in the model, in order. Each makes one map per
// image and class. Without a method it returns [Default].
func Of(s result.Settings, bundle *savedmodel.Bundle) ([]At, error) {
	list, err := Parse(cmp.Or(s.Method, Default(bundle, s.Layer)))
	if err != nil {
		return nil, err
	}
	if s.Method == result.AllMethods {
		lacking := Lacking(bundle)
		list = slices.DeleteFunc(list, func(at At) bool { return slices.Contains(lacking, at.Method) })
	}
	layered := slices.ContainsFunc(list, func(at At) bool {
		m, err := Lookup(at.Method)
		return err == nil && m.UsesLayer() && at.Layer == ""
	})
	var byDefault []string
	if layered || s.Layer != "" {
		if byDefault, err = layersOf(bundle, s.Layer); err != nil {
			return nil, err
		}
	}
	var out []At
	for _, at := range list {
		m, err := Lookup(at.Method)
		if err != nil {
			return nil, err
		}
		layers := byDefault
		switch {
		case !m.UsesLayer() && (at.Layer == "" || at.Layer == explain.Image):
			layers = []string{explain.Image}
		case at.Layer != "":
			if layers, err = layersOf(bundle, at.Layer); err != nil {
				return nil, err
			}
		}
		for _, layer := range layers {
			at.Layer = layer
			if slices.Contains(out, at) {
				return nil, fmt.Errorf("method %s is named twice", at)
			}
			out = append(out, at)
		}
	}
	return out, nil
}

// Supports returns an error with the reason if a model does not support a method at its
// default layer. An adopted model has no rules for LRP, and guided gradients only if its
// activations are ReLUs. It may have no gradient, or no layer with a map.
func Supports(bundle *savedmodel.Bundle, m Method) error {
	_, err := lacks(bundle, m)
	return err
}

// lacks is [Supports]. It also returns what the model lacks.
func lacks(bundle *savedmodel.Bundle, m Method) (need string, err error) {
	const rules = "rules for the model's layers"
	if bundle.Metadata.Origin != nil {
		switch {
		case m.Needs&explain.Propagates != 0:
			return rules, fmt.Errorf("%s needs rules for the layers of oscar's own networks; this model was adopted", m.Name)
		case m.Needs&explain.Guides != 0:
			if err := bundle.CheckGuided(); err != nil {
				return rules, err
			}
		}
	}
	if m.UsesLayer() {
		if bundle.Metadata.Explain == "" {
			return "a layer with a map and a gradient", fmt.Errorf("%s explains a layer, and %w", m.Name, errNoLayer)
		}
		return "", nil
	}
	if m.Needs&(explain.Differentiates|explain.Guides) != 0 {
		return "a gradient at the image", bundle.CheckGradient(explain.Image)
	}
	return "", nil
}

// errNoLayer describes a model without a default layer.
var errNoLayer = errors.New("no layer of this model has a map and a gradient; name a method that explains the image, such as occlusion (see oscar explain --list-methods)")

// Need returns what a model lacks for a method, in words, or "" if it supports the method.
func Need(bundle *savedmodel.Bundle, method string) string {
	m, err := Lookup(method)
	if err != nil {
		return ""
	}
	need, err := lacks(bundle, m)
	if err == nil {
		return ""
	}
	return need
}

// Lacking returns the methods that a model does not support.
func Lacking(bundle *savedmodel.Bundle) []string {
	var names []string
	for _, m := range Table {
		if Supports(bundle, m) != nil {
			names = append(names, m.Name)
		}
	}
	return names
}

// LeftOut returns a line for each reason why a model does not support methods.
func LeftOut(bundle *savedmodel.Bundle) (lines []string) {
	var needs []string
	of := map[string][]string{}
	for _, m := range Table {
		need, err := lacks(bundle, m)
		if err == nil {
			continue
		}
		if of[need] == nil {
			needs = append(needs, need)
		}
		of[need] = append(of[need], m.Name)
	}
	for _, need := range needs {
		lines = append(lines, fmt.Sprintf("left out: %s, which need %s", strings.Join(of[need], ", "), need))
	}
	return lines
}

// layersOf reads a list of layers, such as "conv2,conv5". An empty list means the model's default.
// [result.AllLayers] means one layer for each explained tensor.
func layersOf(bundle *savedmodel.Bundle, names string) ([]string, error) {
	var out []string
	switch names {
	case "":
		if bundle.Metadata.Explain == "" {
			return nil, errNoLayer
		}
		return []string{bundle.Metadata.Explain}, bundle.CheckLayer(bundle.Metadata.Explain)
	case result.AllLayers:
		seen := map[string]bool{}
		for _, l := range bundle.Metadata.Layers {
			if l.Explainable && !seen[l.Feature] {
				seen[l.Feature] = true
				out = append(out, l.Name)
			}
		}
		return out, nil
	}
	for _, name := range strings.Split(names, ",") {
		if err := bundle.CheckLayer(name); err != nil {
			return nil, err
		}
		if slices.Contains(out, name) {
			return nil, fmt.Errorf("layer %s is named twice", name)
		}
		out = append(out, name)
	}
	return out, nil
}

// Grouped groups methods that share an explainer: the CAMs of a layer share a run of the model. If
// apart is true, Exact methods have separate groups. The methods of a group are in the order of its
// explainer's attributions.
func Grouped(list []At, apart bool) (groups [][]At) {
	type run struct {
		layer string
		exact bool
	}
	of := map[run]int{} // groups of CAMs
	for _, at := range list {
		m, err := Lookup(at.Method)
		isCAM := err == nil && m.At == explain.AtLayer
		shared := run{at.Layer, m.Exact && apart}
		i, ok := of[shared]
		if !isCAM || !ok {
			i = len(groups)
			groups = append(groups, nil)
			if isCAM {
				of[shared] = i
			}
		}
		groups[i] = append(groups[i], at)
	}
	return groups
}

// Exact reports whether a group of [Grouped] is always computed in float32.
func Exact(group []At) bool {
	m, err := Lookup(group[0].Method)
	return err == nil && m.Exact
}

// NewExplainer returns the explainer of a group of [Grouped].
func NewExplainer(model Model, group []At, o Options) (explain.Explainer, error) {
	o.Layer = group[0].Layer
	var cams []gradcam.Entry
	for _, at := range group {
		m, err := Lookup(at.Method)
		if err != nil {
			return nil, err
		}
		if m.At != explain.AtLayer {
			return m.New(model, o)
		}
		cams = append(cams, m.cam)
	}
	return newCAMs(model, o, cams...), nil
}

// Folders returns the folder of each method and layer. It is "" if there is only one, the method's
// name if the method has one layer, else the method's name and the layer.
func Folders(list []At) map[At]string {
	times := map[string]int{}
	for _, at := range list {
		times[at.Method]++
	}
	out := map[At]string{}
	for _, at := range list {
		switch {
		case len(list) == 1:
			out[at] = ""
		case times[at.Method] == 1:
			out[at] = at.Method
		default:
			out[at] = at.Method + "@" + url.PathEscape(at.Layer)
		}
	}
	return out
}
