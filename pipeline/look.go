package pipeline

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"oscar/explain"
	"oscar/result"
	"oscar/savedmodel"
)

// look is a method at a layer, or at the image: one map of each image and
// target.
type look struct {
	Method
	layer string // explain.Image, or a layer's name
}

// Words in place of names in [Settings].
const (
	AllMethods = result.AllMethods
	AllLayers  = result.AllLayers
)

// namedMethods reads the list of methods, "gradcam,lrp@conv5": a look's layer is empty
// where none is named.
func namedMethods(s Settings) ([]look, error) {
	table := Methods()
	var out []look
	if s.Method == AllMethods {
		for _, m := range table {
			out = append(out, look{m, ""})
		}
		return out, nil
	}
	for _, item := range strings.Split(s.Method, ",") {
		name, layer, at := strings.Cut(item, "@")
		i := slices.IndexFunc(table, func(m Method) bool { return m.Name == name })
		if i < 0 {
			names := make([]string, len(table))
			for j, m := range table {
				names[j] = m.Name
			}
			return nil, fmt.Errorf("no method %q; have %s", name, strings.Join(names, ", "))
		}
		l := look{table[i], layer}
		switch {
		case at && layer == "":
			return nil, fmt.Errorf("method %q names no layer after its @", item)
		case at && l.At == AtImage && layer != explain.Image:
			return nil, fmt.Errorf("%s looks at the image; it has no layer %q", name, layer)
		case slices.Contains(out, l):
			return nil, fmt.Errorf("method %s is named twice", item)
		}
		out = append(out, l)
	}
	return out, nil
}

// checkLayer reports a layer that none of the methods would look at: it would
// change nothing. What is wrong with the methods, [CheckSettings] says.
func checkLayer(s Settings) error {
	all, err := namedMethods(s)
	if err != nil || s.Layer == "" {
		return nil
	}
	for _, l := range all {
		if l.layer == "" && l.At.byDefault() {
			return nil
		}
	}
	return fmt.Errorf("layer is %s, and %s would not look at it; name a method that does, as gradcam, or METHOD@LAYER, as lrp@%s", s.Layer, s.Method, s.Layer)
}

// methodsOnly are the methods, where none is to look at a layer of its own.
func methodsOnly(s Settings) ([]Method, error) {
	all, err := namedMethods(s)
	var out []Method
	for _, l := range all {
		if l.layer != "" {
			return nil, fmt.Errorf("method %s: a layer cannot be named for one method here", l)
		}
		out = append(out, l.Method)
	}
	return out, err
}

// looksOf are all maps that are asked of an image and target.
func looksOf(s Settings, bundle *savedmodel.Bundle) ([]look, error) {
	all, err := namedMethods(s)
	if err != nil {
		return nil, err
	}
	if s.Method == AllMethods {
		all = slices.DeleteFunc(all, func(l look) bool { return slices.Contains(lacking(bundle), l.Name) })
	}
	byDefault, err := layersOf(bundle, s.Layer)
	if err != nil {
		return nil, err
	}
	var out []look
	for _, l := range all {
		at := byDefault
		switch {
		case !l.At.byDefault() && (l.layer == "" || l.layer == explain.Image):
			at = []string{explain.Image}
		case l.layer != "":
			if at, err = layersOf(bundle, l.layer); err != nil {
				return nil, err
			}
		}
		for _, l.layer = range at {
			if slices.Contains(out, l) {
				return nil, fmt.Errorf("method %s is named twice", l)
			}
			out = append(out, l)
		}
	}
	return out, nil
}

// layersOf reads a list of layers, "conv2,conv5"; empty is the one that the
// model names. Of layers that are looked at by the same tensor [AllLayers] has
// the first.
func layersOf(bundle *savedmodel.Bundle, names string) ([]string, error) {
	var out []string
	switch names {
	case "":
		return []string{bundle.Metadata.Explain}, bundle.CheckLayer(bundle.Metadata.Explain)
	case AllLayers:
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

// grouped puts the looks together that share a run of the model: the CAMs of a
// layer. They come in the order in which an explainer gives their attributions.
func grouped(looks []look) (groups [][]look) {
	for _, l := range looks {
		i := -1
		if l.At == AtLayer {
			i = slices.IndexFunc(groups, func(g []look) bool { return g[0].At == AtLayer && g[0].layer == l.layer })
		}
		if i < 0 {
			groups = append(groups, nil)
			i = len(groups) - 1
		}
		groups[i] = append(groups[i], l)
	}
	return groups
}

// String is how a look is asked for, "gradcam@conv5"; without the layer if that
// is the image.
func (l look) String() string {
	if l.layer == "" || l.layer == explain.Image {
		return l.Name
	}
	return l.Name + "@" + l.layer
}

// fine says whether its maps have the resolution of the image.
func (l look) fine() bool { return l.layer == explain.Image || l.At == ThroughLayer }

// folders names a folder for each look: none for a single one, the method's
// name where it looks at one thing, else its name and layer.
func folders(looks []look) map[look]string {
	times := map[string]int{}
	for _, l := range looks {
		times[l.Name]++
	}
	out := map[look]string{}
	for _, l := range looks {
		switch {
		case len(looks) == 1:
			out[l] = ""
		case times[l.Name] == 1:
			out[l] = l.Name
		default:
			out[l] = l.Name + "@" + url.PathEscape(l.layer)
		}
	}
	return out
}
