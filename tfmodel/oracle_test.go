package tfmodel

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oscar/explain"
	"oscar/internal/agreement"
	"oscar/internal/graph"
	"oscar/savedmodel"
)

// golden is what oracles/lrp/make.py writes.
type golden struct {
	Made         map[string]string
	Architecture Architecture
	Weights      map[string][]float32
	Images       []float32
	Targets      []int
	Logits       []float32
	Inner        string // a layer
	Features     string // the layer of guided Grad-CAM
	Signals      map[string]struct{ Image, Inner []float32 }
}

func (g golden) images() explain.Images {
	in := g.Architecture.Input
	return explain.Images{N: len(g.Images) / in.Elements(), Height: in[0], Width: in[1], Channels: in[2], Pixels: g.Images}
}

func forEachGolden(t *testing.T, test func(t *testing.T, g golden)) {
	files, err := filepath.Glob("../oracles/lrp/testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var g golden
			if err := json.Unmarshal(text, &g); err != nil {
				t.Fatal(err)
			}
			test(t, g)
		})
	}
}

// attach writes a network as a SavedModel and opens it. A session means that
// its weights are variables.
func attach(t *testing.T, n *Network, s *graph.Session, signatures map[string]savedmodel.Signature) *Attached {
	t.Helper()
	layers, err := n.Layers()
	if err != nil {
		t.Fatal(err)
	}
	classes, err := n.Architecture.Classes()
	if err != nil {
		t.Fatal(err)
	}
	experiment, err := json.Marshal(map[string]any{"architecture": n.Architecture, "seed": 1})
	if err != nil {
		t.Fatal(err)
	}
	in := n.Architecture.Input
	meta := savedmodel.Metadata{
		Format: 1, Model: n.Architecture.Name, Classes: strings.Split("abcdefghij"[:classes], ""),
		Image: savedmodel.Image{Height: in[0], Width: in[1]}, Layers: layers, Experiment: experiment,
	}
	all := map[string]savedmodel.Signature{"serving_default": n.Serving()}
	for name, signature := range signatures {
		all[name] = signature
	}
	dir := filepath.Join(t.TempDir(), "model")
	if err := savedmodel.Write(t.Context(), dir, n.SavedModel(s, all, meta)); err != nil {
		t.Fatal(err)
	}
	bundle, err := savedmodel.Open(dir, graph.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bundle.Close() })
	m, err := Attach(bundle)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// signal asks a model for a composite's signal at a layer.
func signal(t *testing.T, m *Attached, c Composite, images explain.Images, targets []int, layer string) explain.Differential {
	t.Helper()
	model, err := m.With(c)
	if err != nil {
		t.Fatal(err)
	}
	d, err := model.Differentiate(t.Context(), images, targets, layer, explain.Logit)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func joined(volumes []explain.Volume) []float32 {
	var out []float32
	for _, v := range volumes {
		out = append(out, v.Values...)
	}
	return out
}

// every is a composite with one rule for convolutions and dense layers.
func every(r Rule) Composite {
	return lrp("epsilon").With(Line{Kind: "conv2d", Rule: r}, Line{Kind: "dense", Rule: r})
}

// oracleComposites are those of the golden files that are no presets.
var oracleComposites = map[string]Composite{
	"zero":          every(Epsilon{}),
	"epsilon 0.1":   every(Epsilon{0.1}),
	"gamma":         every(Gamma{0.25}),
	"alpha1 beta0":  every(AlphaBeta{1, 0}),
	"zplus":         every(AlphaBeta{1, 0}),
	"alpha2 beta1":  every(AlphaBeta{2, 1}),
	"first zbox":    lrp("").With(Line{First: true, Rule: ZBox{[3]float32{0, -10, -120}, [3]float32{255, 260, 140}}}),
	"first flat":    lrp("").With(Line{First: true, Rule: Flat{}}),
	"first wsquare": lrp("").With(Line{First: true, Rule: WSquare{}}),
	"gradient":      plainGradient(),
	"guided":        GuidedBackprop(),
}

const oracleTolerance = 1e-5

// Relevance is zennit's, and guided gradients are Captum's.
func TestSignalsEqualTheOracles(t *testing.T) {
	forEachGolden(t, func(t *testing.T, g golden) {
		n, err := CompileFrozen(g.Architecture, g.Weights)
		if err != nil {
			t.Fatal(err)
		}
		m := attach(t, n, nil, nil)
		for _, name := range LRPs() {
			if len(g.Signals[name].Image) == 0 {
				t.Errorf("no oracle for the composite %s", name)
			}
		}
		for name, want := range g.Signals {
			c, ok := oracleComposites[name]
			if !ok {
				if c, err = LookupLRP(name); err != nil {
					continue // not a signal
				}
			}
			line := signalLine(name, g.Made, "3 chains of layers")
			d := signal(t, m, c, g.images(), g.Targets, explain.Image)
			nearBy(t, line, joined(d.Gradients), want.Image)
			if len(want.Inner) > 0 {
				d := signal(t, m, c, g.images(), g.Targets, g.Inner)
				nearBy(t, line, joined(d.Gradients), want.Inner)
			}
		}
		p, err := m.Bundle.Predict(t.Context(), g.images())
		if err != nil {
			t.Fatal(err)
		}
		nearBy(t, forwardLine(g.Made, "3 chains of layers"), p.Logits[0], g.Logits[:len(p.Logits[0])])
	})
}

// signalLine is the line of docs/correctness.md for a composite's signal.
func signalLine(name string, made map[string]string, networks string) agreement.Line {
	switch name {
	case "gradient":
		return agreement.Line{Group: agreement.Gradients, Subject: name, Oracle: "captum " + made["captum"], Compared: "signal at the image or inside, " + networks}
	case "guided":
		return agreement.Line{Group: agreement.Relevance, Subject: "guidedbackprop", Oracle: "captum " + made["captum"], Compared: "signal at the image or inside, " + networks}
	}
	return agreement.Line{Group: agreement.Relevance, Subject: "lrp", Oracle: "zennit " + made["zennit"], Compared: name + ", signal at the image or inside, " + networks}
}

func forwardLine(made map[string]string, networks string) agreement.Line {
	return agreement.Line{Group: agreement.Layer, Subject: "forward", Oracle: "torch " + made["torch"], Compared: "logits, " + networks}
}

// nearBy checks values against an oracle's, to a share of the largest.
func nearBy(t *testing.T, line agreement.Line, got, want []float32) {
	t.Helper()
	line.Model, line.Difference, line.Of, line.Bound = cmp.Or(line.Model, "hand-made"), agreement.Apart(got, want), "the largest value", oracleTolerance
	agreement.Check(t, line)
}
