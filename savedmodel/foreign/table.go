package foreign

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"oscar/internal/graph"
	"oscar/savedmodel"
)

// table fills the table of layers, with the reasons for missing gradients.
func (a *adoption) table(layers []layer, grids map[ref]grid, elements map[string]int) {
	m := &a.Metadata
	outside := map[string]graph.Tensor{a.flat.image.Name: a.scaledImage}
	k := 0
	for _, v := range a.variables {
		if v.dtype == graph.Float {
			outside[v.name] = a.vars[k].Value
			k++
		}
	}
	passage := a.passage(a.head().logits, func(tensor string) (graph.Shape, graph.DType) {
		t, ok := outside[tensor]
		if !ok {
			t, _ = a.tensor(refOf(tensor))
		}
		return t.Shape(), t.DType()
	})
	untrained := a.untrained()
	for _, l := range layers {
		g, ok := grids[l.out]
		if !ok {
			continue
		}
		entry := savedmodel.Layer{Name: l.name, Kind: l.kind, Output: g.output, Tensor: tensorName(l.out), Feature: tensorName(g.tensor)}
		for _, v := range l.variables {
			entry.Parameters += elements[v]
			if untrained[v] {
				entry.Frozen += elements[v]
			}
		}
		if entry.Name == "image" || entry.Name == "" {
			entry.Name = "layer_" + entry.Name
		}
		if why := passage.why(g.tensor); why != "" && len(g.output) == 3 {
			m.Origin.NoGradient[entry.Name] = why
		}
		m.Layers = append(m.Layers, entry)
	}
	if why := passage.why(ref{node: a.flat.image.Name}); why != "" {
		m.Origin.NoGradient["image"] = why
	}
}

// number is what TensorFlow appends to the name of a variable's copy.
var number = regexp.MustCompile(`_\d+$`)

// untrained returns the variables that are not trained, such as moving averages: by the operation
// that reads them, by the record of the program that wrote the model, or by their names.
func (a *adoption) untrained() map[string]bool {
	recorded := map[string]bool{} // whether a variable is trained
	for _, n := range a.meta.GetObjectGraphDef().GetNodes() {
		if v := n.GetVariable(); v.GetName() != "" {
			recorded[v.Name] = recorded[v.Name] || v.Trainable
		}
	}
	found := map[string]bool{}
	for _, n := range a.flat.nodes {
		if strings.HasPrefix(n.Op, "FusedBatchNorm") && len(n.Input) > 4 {
			found[refOf(n.Input[3]).node], found[refOf(n.Input[4]).node] = true, true
		}
	}
	for _, v := range a.variables {
		trained, known := recorded[v.name]
		if !known {
			trained, known = recorded[number.ReplaceAllString(v.name, "")]
		}
		if known && !trained || savedmodel.IsStatistic(v.name) {
			found[v.name] = true
		}
	}
	return found
}

func tensorName(r ref) string { return fmt.Sprintf("model/%s:%d", r.node, r.index) }

// chooseLayer sets the default layer of explanations: the requested one, or the last one with a map
// and a gradient.
func (a *adoption) chooseLayer() error {
	m := &a.Metadata
	var names []string
	for _, l := range m.Layers {
		if len(l.Output) != 3 {
			continue
		}
		names = append(names, l.Name)
		if a.options.Explain == "" && l.Output[0]*l.Output[1] > 1 && m.Origin.NoGradient[l.Name] == "" || a.options.Explain == l.Name {
			m.Explain = l.Name
		}
	}
	if a.options.Explain != "" && m.Explain == "" {
		return needsOption("no layer %q with a map; have %s", a.options.Explain, strings.Join(names, ", "))
	}
	if m.Explain == "" {
		a.Notes = append(a.Notes, a.withoutLayer())
	}
	return nil
}

// withoutLayer returns which explanations a model without a default layer has, and the reason.
func (a *adoption) withoutLayer() string {
	o := a.Metadata.Origin
	line := "no layer has a map and a gradient: only methods that explain the image work"
	if o.NoGradient["image"] != "" {
		line = "neither a layer nor the image has a gradient: only methods that need predictions alone work, such as occlusion"
	}
	for _, l := range slices.Backward(a.Metadata.Layers) {
		if why := o.NoGradient[l.Name]; why != "" {
			return line + "; " + why
		}
	}
	return line
}
