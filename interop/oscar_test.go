package interop

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"oscar/explain"
	"oscar/heatmap"
	"oscar/internal/graph"
	"oscar/methods"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

// byOscar is what every tool should give: oscar's own predictions, and its
// maps, which are made in Go from TensorFlow's gradients, or in another graph,
// and not by the signatures.
func byOscar(t *testing.T, m model) results {
	t.Helper()
	bundle := must(savedmodel.Open(m.dir(), graph.Config{}))(t)
	defer bundle.Close()
	out := results{}
	for _, c := range m.cases {
		p := must(bundle.Predict(t.Context(), c.images))(t)
		n := c.images.N
		predicted := array{shape: []int{n}}
		for i := range n {
			predicted.values = append(predicted.values, float32(argmax(p.Logits[i])))
		}
		for _, signature := range []string{"serving_default", "serve"} {
			out.set(signature, c.name, "logits", rows(p.Logits))
			out.set(signature, c.name, "probabilities", rows(p.Probabilities))
			out.set(signature, c.name, "class", predicted)
		}
		for _, signature := range m.explanations {
			explained := array{shape: []int{n}}
			var raw, heat array
			for _, a := range must(explainerOf(t, m, bundle, signature).Explain(t.Context(), c.images, c.targets))(t) {
				explained.values = append(explained.values, float32(a.Target))
				raw.shape, raw.values = []int{n, a.Map.Height, a.Map.Width}, append(raw.values, a.Map.Values...)
				big := heatmap.Positive(a.Map).Resize(c.images.Height, c.images.Width)
				heat.shape, heat.values = []int{n, big.Height, big.Width}, append(heat.values, big.Values...)
			}
			out.set(signature, c.name, "probabilities", rows(p.Probabilities))
			out.set(signature, c.name, "class", explained)
			out.set(signature, c.name, "raw", raw)
			out.set(signature, c.name, "heatmap", heat)
		}
	}
	return out
}

// explainerOf returns the explainer of a signature's method, with the signature's
// settings.
func explainerOf(t *testing.T, m model, bundle *savedmodel.Bundle, name string) explain.Explainer {
	t.Helper()
	at := []methods.At{{Method: name, Layer: m.meta.Explain}}
	options := methods.Options{Options: explain.Options{Samples: tfmodel.DefaultSteps}}
	if method := must(methods.Lookup(name))(t); method.At == explain.AtEither {
		at[0].Layer = "" // the signature looks at the image
	}
	return must(methods.NewExplainer(methods.Model{Bundle: bundle}, at, options))(t)
}

func rows(v [][]float32) array {
	return array{[]int{len(v), len(v[0])}, slices.Concat(v...)}
}

// bySession runs signatures in TensorFlow's C library.
func bySession(t *testing.T, m model, cases []inputs, signatures ...string) results {
	t.Helper()
	var saved for_core_protos_go_proto.SavedModel
	if err := proto.Unmarshal(must(os.ReadFile(filepath.Join(m.dir(), "saved_model.pb")))(t), &saved); err != nil {
		t.Fatal(err)
	}
	g, session, err := graph.Load(m.dir(), "serve", graph.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	out := results{}
	for _, name := range signatures {
		signature := saved.MetaGraphs[0].SignatureDef[name]
		outputs := slices.Sorted(maps.Keys(signature.Outputs))
		var fetch []graph.Tensor
		for _, key := range outputs {
			fetch = append(fetch, must(g.Tensor(signature.Outputs[key].GetName()))(t))
		}
		for _, c := range cases {
			var feeds []graph.Feed
			for key, info := range signature.Inputs {
				value := graph.FromFloat32s(graph.Shape{c.images.N, c.images.Height, c.images.Width, 3}, c.images.Pixels)
				if key == "class" {
					targets := make([]int64, len(c.targets))
					for i, target := range c.targets {
						targets[i] = int64(target)
					}
					value = graph.FromInt64s(graph.Shape{len(targets)}, targets)
				}
				feeds = append(feeds, graph.Feed{To: must(g.Tensor(info.GetName()))(t), Value: value})
			}
			for i, v := range must(session.Run(t.Context(), feeds, fetch))(t) {
				a := array{shape: v.Shape()}
				if v.DType() == graph.Int64 {
					for _, x := range v.Int64s() {
						a.values = append(a.values, float32(x))
					}
				} else {
					a.values = v.Float32s()
				}
				out.set(name, c.name, outputs[i], a)
			}
		}
	}
	return out
}
