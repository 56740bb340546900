package methods

import (
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

// Parse reads a list of methods, "gradcam,lrp@conv5", or [result.AllMethods]. The
// layer is empty if none is named.
func Parse(list string) ([]At, error) {
	var out []At
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

// Of returns the settings' methods with their layers in the model, in order. Each is one map
// per image and class.
func Of(s result.Settings, bundle *savedmodel.Bundle) ([]At, error) {
	list, err := Parse(s.Method)
	if err != nil {
		return nil, err
	}
	if s.Method == result.AllMethods {
		list = slices.DeleteFunc(list, func(at At) bool { return slices.Contains(Lacking(bundle), at.Method) })
	}
	byDefault, err := layersOf(bundle, s.Layer)
	if err != nil {
		return nil, err
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

// Supports returns an error with the reason if a model does not support a method. An adopted
// model has no rules for LRP, and guided gradients only if its activations are ReLUs.
func Supports(bundle *savedmodel.Bundle, m Method) error {
	switch {
	case bundle.Metadata.Origin == nil:
		return nil
	case m.Needs&explain.Propagates != 0:
		return fmt.Errorf("%s needs rules for the layers of oscar's own networks; this model was adopted", m.Name)
	case m.Needs&explain.Guides != 0:
		return bundle.CheckGuided()
	}
	return nil
}

// Lacking lists the methods that a model does not support.
func Lacking(bundle *savedmodel.Bundle) []string {
	var names []string
	for _, m := range Table {
		if Supports(bundle, m) != nil {
			names = append(names, m.Name)
		}
	}
	return names
}

// layersOf reads a list of layers, "conv2,conv5". An empty list means the
// model's default. [result.AllLayers] has one layer for each explained
// tensor.
func layersOf(bundle *savedmodel.Bundle, names string) ([]string, error) {
	var out []string
	switch names {
	case "":
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

// Grouped groups methods that share an explainer: the CAMs of a layer share
// a run of the model. With apart, Exact methods have a separate
// run. A group has the order of its explainer's attributions.
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

// Exact reports whether a group of [Grouped] is computed in float32 in every
// precision.
func Exact(group []At) bool {
	m, err := Lookup(group[0].Method)
	return err == nil && m.Exact
}

// NewExplainer makes the explainer of a group of [Grouped].
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

// Folders returns the folder of each method and layer: none if there is only one, the
// method's name if it has one layer, else its name and layer.
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
