package foreign

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/internal/graph"
	"oscar/savedmodel/foreign/rewrite"
)

// Every operation of rewrite.Known has its gradient compared here or in a model
// of the zoo.
func TestGradientsOfOperations(t *testing.T) {
	folder := filepath.Join(zoo(t), "operations")
	m, err := readModel(filepath.Join(folder, "export"))
	if err != nil {
		t.Fatal(err)
	}
	var cases struct{ Compared, Refused []string }
	readJSON(t, &cases, folder, "cases.json")
	compared := map[string]bool{}
	in := images(t, folder)
	for _, name := range cases.Compared {
		t.Run(name, func(t *testing.T) {
			a, err := m.open(t.Context(), Options{Signature: name, Image: Image{Scale: "0..255"}}, graph.OptimizeNothing)
			if err != nil {
				t.Fatal(err)
			}
			defer a.session.Close()
			if why := a.Metadata.Origin.NoGradient["image"]; why != "" {
				t.Fatal(why)
			}
			g := a.graph.In("test")
			gradient := g.Grad(g.Sum(g.Max(a.logits, false, 1), false, 0), a.image)[0]
			if err := g.Err(); err != nil {
				t.Fatal(err)
			}
			fed := graph.FromFloat32s(graph.Shape{in.N, in.Height, in.Width, 3}, in.Pixels)
			out, err := a.session.Run(t.Context(), []graph.Feed{{To: a.image, Value: fed}}, []graph.Tensor{a.logits, gradient})
			if err != nil {
				t.Fatal(err)
			}
			_, z := read(t, folder, name+".output")
			bound := 1e-5
			switch { // as in zooModels
			case strings.HasPrefix(name, "bfloat16_"):
				bound = 0.05
			case strings.HasPrefix(name, "float16_"):
				bound = 0.01
			}
			near(t, "answers", out[0].Float32s(), z, bound)
			_, dx := read(t, folder, name+".grad")
			near(t, "gradients", out[1].Float32s(), dx, bound)
			if !t.Failed() {
				note(compared, a)
			}
		})
	}
	for name := range zooModels { // compared in TestZoo
		t.Run("zoo "+name, func(t *testing.T) {
			m, err := readModel(filepath.Join(zoo(t), name, "export"))
			if err != nil {
				t.Fatal(err)
			}
			a, err := m.open(t.Context(), zooModels[name].options, graph.OptimizeNothing)
			if err != nil {
				t.Fatal(err)
			}
			a.session.Close()
			note(compared, a)
		})
	}
	for _, op := range append(rewrite.KnownOps(), rewrite.ConstantFloats()...) {
		if !compared[op] {
			t.Errorf("the gradient of %s counts as right, and no test compares it", op)
		}
	}
	for _, op := range rewrite.KnownHalf() {
		for _, dtype := range []string{"DT_HALF", "DT_BFLOAT16"} {
			if !compared[op+" of "+dtype] {
				t.Errorf("the gradient of %s of %s counts as right, and no test compares it", op, dtype)
			}
		}
	}
	for _, name := range cases.Refused {
		t.Run("refused "+name, func(t *testing.T) {
			a, err := m.open(t.Context(), Options{Signature: name, Image: Image{Scale: "0..255"}}, graph.OptimizeNothing)
			if err != nil {
				t.Fatal(err)
			}
			defer a.session.Close()
			if why := a.Metadata.Origin.NoGradient["image"]; why == "" {
				t.Error("it counts as having a right gradient")
			} else {
				t.Log(why)
			}
			if err := a.probe(t.Context()); err != nil || a.Metadata.Origin.Difference == nil {
				t.Errorf("its predictions: %v; notes %q", err, a.Notes)
			}
		})
	}
}

// note notes the operations that the gradient at the image passes.
func note(compared map[string]bool, a *adoption) {
	after := map[string]bool{a.flat.image.Name: true}
	for _, n := range a.flat.nodes {
		if !slices.ContainsFunc(n.Input, func(in string) bool { return after[refOf(in).node] }) {
			continue
		}
		compared[n.Op] = true
		if rewrite.Constant(n) {
			continue
		}
		after[n.Name] = true
		compared[n.Op+" of "+cmp.Or(n.Attr["T"].GetType(), n.Attr["Tparams"].GetType()).String()] = true
	}
}
