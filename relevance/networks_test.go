package relevance_test

import (
	"testing"

	"oscar/explain"
	"oscar/internal/agreement"
	"oscar/internal/reference"
	"oscar/relevance"
	"oscar/tfmodel"
)

func TestMain(m *testing.M) { agreement.Main(m) }

// steep is the bound of the epsilon rule on all convolutions: where a unit is as
// near to zero as its epsilon, 1e-6, what it hands on depends on its last bits.
// zennit's float32 differs as much from its float64.
const steep = 1e-3

// Every preset of LRP as zennit has it, at the image and at conv5; guided
// backpropagation and guided Grad-CAM as Captum has them.
func TestNetworksAsZennitAndCaptum(t *testing.T) {
	for _, name := range reference.Names {
		t.Run(name, func(t *testing.T) {
			var want struct {
				reference.Asked
				Relevance struct {
					Maps     map[string]map[string][]reference.Sampled // method or preset, layer
					Rounding float64                                   // of PyTorch's float32, in epsilon at the image
				}
			}
			reference.Read(t, name, "relevance.json", &want)
			m := reference.Open(t, name)
			images := reference.Images(name, len(want.Targets))
			check := func(line agreement.Line, e explain.Explainer, maps []reference.Sampled) {
				t.Helper()
				got, err := e.Explain(t.Context(), images, want.Targets)
				if err != nil {
					t.Fatal(err)
				}
				if len(maps) != len(got) {
					t.Fatalf("the oracle has %d maps of %s, want %d", len(maps), line.Subject, len(got))
				}
				for i, a := range got {
					line.Difference = max(line.Difference, maps[i].Apart(a.Map))
				}
				line.Group, line.Model, line.Of, line.Bound = agreement.Relevance, name, "its largest value", max(line.Bound, 1e-4)
				agreement.Check(t, line)
			}
			for _, preset := range tfmodel.LRPs() {
				model := with(t, m, preset)
				line := agreement.Line{Subject: "lrp", Oracle: want.Oracle("zennit"), Compared: preset + " at the image, 2 images"}
				if preset == "epsilon" && name == "AlexNet02" {
					line.Bound = steep
				}
				check(line, relevance.LRP{Model: model}, want.Relevance.Maps[preset]["image"])
				line.Compared, line.Bound = preset+" at conv5, 2 images", 0
				check(line, relevance.LRP{Model: model, Layer: "conv5"}, want.Relevance.Maps[preset]["conv5"])
			}
			if name == "AlexNet02" {
				agreement.Check(t, agreement.Line{
					Group: agreement.Relevance, Subject: "lrp", Model: name, Oracle: want.Oracle("zennit") + " in float32, against float64",
					Compared: "the oracle with itself: epsilon at the image, 2 images", Difference: want.Relevance.Rounding,
					Of: "its largest value", Bound: steep,
				})
			}
			guided, err := m.With(tfmodel.GuidedBackprop())
			if err != nil {
				t.Fatal(err)
			}
			line := agreement.Line{Oracle: want.Oracle("captum"), Compared: "map, 2 images"}
			line.Subject = "guidedbackprop"
			check(line, relevance.GuidedBackprop{Model: guided}, want.Relevance.Maps[line.Subject]["image"])
			line.Subject, line.Compared = "guidedgradcam", "map, Grad-CAM at conv5, 2 images"
			check(line, relevance.GuidedGradCAM{Model: m.Bundle, Guided: guided, Layer: "conv5"}, want.Relevance.Maps[line.Subject]["image"])
		})
	}
}

func with(t *testing.T, m *tfmodel.Attached, preset string) explain.Differentiator {
	t.Helper()
	c, err := tfmodel.LookupLRP(preset)
	if err != nil {
		t.Fatal(err)
	}
	model, err := m.With(c)
	if err != nil {
		t.Fatal(err)
	}
	return model
}
