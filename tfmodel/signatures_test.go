package tfmodel

import (
	"math"
	"slices"
	"testing"

	"oscar/explain"
	"oscar/gradcam"
	"oscar/heatmap"
	"oscar/internal/agreement"
	"oscar/internal/graph"
	"oscar/savedmodel"
)

// call runs a signature on a session of its own network.
func call(t *testing.T, n *Network, session *graph.Session, s savedmodel.Signature, images explain.Images, targets []int) map[string]graph.Value {
	t.Helper()
	var keys []string
	var fetch []graph.Tensor
	for key, tensor := range s.Outputs {
		keys, fetch = append(keys, key), append(fetch, tensor)
	}
	classes := make([]int64, len(targets))
	for i, c := range targets {
		classes[i] = int64(c)
	}
	values, err := session.Run(t.Context(), []graph.Feed{
		{To: s.Inputs["image"], Value: graph.FromFloat32s(append(graph.Shape{images.N}, n.Architecture.Input...), images.Pixels)},
		{To: s.Inputs["class"], Value: graph.FromInt64s(graph.Shape{len(classes)}, classes)},
	}, fetch)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]graph.Value{}
	for i, key := range keys {
		out[key] = values[i]
	}
	return out
}

// explainerOf returns the explainer of a signature's method, with the signature's
// settings: every setting has its default, but integrated gradients have DefaultSteps.
func explainerOf(t *testing.T, m *Attached, name, layer string) explain.Explainer {
	t.Helper()
	with := func(c Composite) explain.Model {
		d, err := m.With(c)
		if err != nil {
			t.Fatal(err)
		}
		return struct {
			explain.Predictor
			explain.Differentiator
		}{m.Bundle, d}
	}
	if name == gradcam.Guided.Name {
		return gradcam.GuidedGradCAM{Model: m.Bundle, Guided: with(GuidedBackprop()), Layer: layer}
	}
	if entry, err := gradcam.Lookup(name); err == nil {
		return gradcam.Explainer{Model: m.Bundle, Layer: layer, Methods: []gradcam.Entry{entry}}
	}
	entry, err := explain.Lookup(name)
	if err != nil {
		t.Fatalf("the signature %s is of no method in the tables of gradcam and explain: %v", name, err)
	}
	model := explain.Model(m.Bundle)
	switch {
	case entry.Needs&explain.Propagates != 0:
		composite, err := LookupLRP("")
		if err != nil {
			t.Fatal(err)
		}
		model = with(composite)
	case entry.Needs&explain.Guides != 0:
		model = with(GuidedBackprop())
	}
	return entry.New(model, explain.Options{Samples: DefaultSteps})
}

// What the exported model says of itself is what Go makes of TensorFlow's own
// gradients and of relevance.
func TestExplanationsEqualTheExplainers(t *testing.T) {
	n, session, constants := trainedTiny(t)
	images, targets := tinyImages(3), []int{2, explain.Predicted, 0}
	m := attach(t, constants, nil, nil)
	for _, e := range Explanations {
		s, err := e.New(n, "conv5")
		if err != nil {
			t.Fatal(err)
		}
		got := call(t, n, session, s, images, targets)
		if shape := got["heatmap"].Shape().String(); shape != "[3,32,32]" {
			t.Errorf("%s: the heatmap is %s", e.Name, shape)
		}
		attributions, err := explainerOf(t, m, e.Name, "conv5").Explain(t.Context(), images, targets)
		if err != nil {
			t.Fatal(err)
		}
		size, pixels := attributions[0].Map.Height*attributions[0].Map.Width, images.Height*images.Width
		raw, heat := got["raw"].Float32s(), got["heatmap"].Float32s()
		for i, a := range attributions {
			if a.Target != int(got["class"].Int64s()[i]) {
				t.Errorf("%s: class %d, want %d", e.Name, got["class"].Int64s()[i], a.Target)
			}
			near(t, e.Name+": raw", scaled(raw[i*size:(i+1)*size]), scaled(a.Map.Values), 1e-5)
			if sum, w := total(raw[i*size:(i+1)*size]), total(a.Map.Values); math.Abs(sum-w) > 1e-4*math.Abs(w) {
				t.Errorf("%s: its map adds up to %g, want %g", e.Name, sum, w)
			}
			for k, h := range heatmap.Positive(a.Map).Resize(images.Height, images.Width).Values {
				if got := heat[i*pixels+k]; math.Abs(float64(got-h)) > 1e-4 {
					t.Errorf("%s: heatmap %d is %g, want %g", e.Name, k, got, h)
					break
				}
			}
			near(t, e.Name+": probabilities", got["probabilities"].Float32s()[i*4:(i+1)*4], a.Probabilities, 1e-5)
		}
		one := images
		one.N, one.Pixels = 1, images.Pixels[:pixels*3]
		alone := call(t, n, session, s, one, targets[:1])
		near(t, e.Name+": one alone", scaled(alone["raw"].Float32s()), scaled(raw[:size]), 1e-5)
		other := call(t, n, session, s, one, []int{3})
		if slices.Equal(alone["raw"].Float32s(), other["raw"].Float32s()) {
			t.Errorf("%s: one map for two classes", e.Name)
		}
		// A class that the model does not have makes no map, and the others of the batch do.
		some := call(t, n, session, s, images, []int{2, 4, 1 << 40})
		near(t, e.Name+": next to a class out of range", scaled(some["raw"].Float32s()[:size]), scaled(raw[:size]), 1e-5)
		for _, name := range []string{"raw", "heatmap"} {
			values := some[name].Float32s()
			per := len(values) / images.N
			for i, v := range values {
				if nan := math.IsNaN(float64(v)); nan != (i >= per) {
					t.Fatalf("%s: class out of range: %s has %g at %d of %d", e.Name, name, v, i, per)
				}
			}
		}
	}
}

func total(v []float32) (sum float64) {
	for _, x := range v {
		sum += float64(x)
	}
	return sum
}

// The whole table can be written into one model, which still opens.
func TestExplanationsInOneModel(t *testing.T) {
	n, session, _ := trainedTiny(t)
	signatures := map[string]savedmodel.Signature{}
	seen := map[string]bool{}
	for _, e := range Explanations {
		if e.Name == "" || seen[e.Name] {
			t.Errorf("a line without name, or twice: %+v", e)
		}
		seen[e.Name] = true
		s, err := e.New(n, "conv5")
		if err != nil {
			t.Fatal(err)
		}
		signatures[e.Name] = s
		if found, err := LookupExplanation(e.Name); err != nil || found.Name != e.Name {
			t.Errorf("LookupExplanation(%q) = %+v, %v", e.Name, found, err)
		}
	}
	attach(t, n, session, signatures)
	for kind := range n.Graph.Operations() {
		if slices.Contains([]string{"ReluGrad", "MaxPoolGrad", "AvgPoolGrad", "FusedBatchNormGradV3", "BroadcastGradientArgs", "While"}, kind) {
			t.Errorf("the graph has a %s, which converters do not know", kind)
		}
	}
	for written, name := range map[string]string{"integrated_gradients": "integrated-gradients", "guided_gradcam": "guidedgradcam"} {
		if e, err := LookupExplanation(written); err != nil || e.Name != name {
			t.Errorf("%s is %q, %v; want %s", written, e.Name, err, name)
		}
	}
	_, err := LookupExplanation("gradcan")
	wantError(t, "an unknown explanation", err, `"gradcan"`, "have gradcam, gradcam++,")
	_, err = n.IntegratedGradients(0)
	wantError(t, "no steps", err, "0 steps")
	_, err = n.LRP(GuidedBackprop())
	wantError(t, "no LRP", err, "guided_backprop")
}

// Integrated gradients and guided Grad-CAM are Captum's.
func TestMapsEqualTheOracles(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		n, err := CompileFrozen(g.Architecture, g.Weights)
		if err != nil {
			t.Fatal(err)
		}
		s, err := n.IntegratedGradients(20)
		if err != nil {
			t.Fatal(err)
		}
		session, err := n.Graph.NewSession(graph.Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close()
		got := call(t, n, session, s, g.images(), g.Targets)
		line := agreement.Line{
			Group: agreement.Gradients, Subject: "integrated-gradients", Oracle: "captum " + g.Made["captum"],
			Compared: "map of the signature, 3 chains of layers",
		}
		nearBy(t, line, got["raw"].Float32s(), flattened(g.Signals["integrated"].Image))

		m := attach(t, n, nil, nil)
		guided, err := m.With(GuidedBackprop())
		if err != nil {
			t.Fatal(err)
		}
		for what, e := range map[string]explain.Explainer{
			"guided":        explain.GuidedBackprop{Model: guided},
			"guidedgradcam": gradcam.GuidedGradCAM{Model: m.Bundle, Guided: guided, Layer: g.Features},
		} {
			attributions, err := e.Explain(t.Context(), g.images(), g.Targets)
			if err != nil {
				t.Fatal(err)
			}
			var maps []float32
			for _, a := range attributions {
				maps = append(maps, a.Map.Values...)
			}
			line := agreement.Line{Group: agreement.Relevance, Subject: what, Oracle: "captum " + g.Made["captum"], Compared: "map, 3 chains of layers"}
			if what == "guided" {
				line.Subject = "guidedbackprop"
			}
			nearBy(t, line, maps, flattened(g.Signals[what].Image))
		}
	})
}

// flattened adds up three channels.
func flattened(v []float32) []float32 {
	out := make([]float32, len(v)/3)
	for i, x := range v {
		out[i/3] += x
	}
	return out
}
