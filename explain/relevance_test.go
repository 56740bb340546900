package explain_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"oscar/explain"
	"oscar/internal/agreement"
	"oscar/internal/reference"
	"oscar/tfmodel"
)

// signals is a model with one layer of 1x2 positions, "conv", on images of 2x4
// pixels. Its signal at the image is the image times the target, in three
// channels.
type signals struct {
	change func(*explain.Differential)
	scores []float32 // by target; nil is 10
}

func (m *signals) Differentiate(_ context.Context, images explain.Images, targets []int, layer string, score explain.Score) (explain.Differential, error) {
	var d explain.Differential
	size := images.Size()
	for i, target := range targets {
		if target == explain.Predicted {
			target = 2
		}
		v := explain.Volume{Height: images.Height, Width: images.Width, Channels: images.Channels}
		for _, p := range images.Pixels[i*size : (i+1)*size] {
			v.Values = append(v.Values, p*float32(target))
		}
		if layer == "conv" {
			v = explain.Volume{Height: 1, Width: 2, Channels: 2, Values: []float32{1, -1, 1, -1}}
		}
		s := float32(10)
		if m.scores != nil {
			s = m.scores[target]
		}
		d.Targets, d.Scores, d.Gradients = append(d.Targets, target), append(d.Scores, s), append(d.Gradients, v)
	}
	if m.change != nil {
		m.change(&d)
	}
	return d, nil
}

// ramp is an image of 2x4 pixels. The channels of pixel k add up to k.
func ramp() explain.Images {
	images := explain.Images{N: 1, Height: 2, Width: 4, Channels: 3}
	for k := range 8 {
		images.Pixels = append(images.Pixels, float32(k)+5, -7, 2)
	}
	return images
}

// The maps of target 2 are twice 0 to 7.
func TestRelevanceByHand(t *testing.T) {
	model := &signals{}
	for _, e := range []explain.Explainer{explain.LRP{Model: model}, explain.GuidedBackprop{Model: model}} {
		a := must(t, e, ramp(), explain.Predicted)[0]
		if !slices.Equal(a.Map.Values, []float32{0, 2, 4, 6, 8, 10, 12, 14}) || a.Map.Height != 2 || a.Map.Width != 4 || a.Target != 2 {
			t.Errorf("%s: %+v", a.Method, a)
		}
	}
	a := must(t, explain.LRP{Model: model, Layer: "conv"}, ramp(), 1)[0]
	if a.Layer != "conv" || a.Map.Height != 1 || a.Map.Width != 2 {
		t.Errorf("at conv: %+v", a)
	}
}

func TestRelevanceFacts(t *testing.T) {
	at := func(scores []float32, layer string) map[string]float64 {
		return must(t, explain.LRP{Model: &signals{scores: scores}, Layer: layer}, ramp(), 1)[0].Facts
	}
	if f := at([]float32{0, 56, 0}, ""); f["relevance"] != 28 || f["conserved"] != 0.5 {
		t.Errorf("facts %v, want 28 of 56", f)
	}
	if f := at([]float32{0, -7, 0}, "conv"); f["relevance"] != 0 || f["conserved"] != 0 {
		t.Errorf("facts %v, want 0 of -7", f)
	}
	if f := at([]float32{0, 0, 0}, ""); len(f) != 1 {
		t.Errorf("facts %v: nothing can be a share of no score", f)
	}
}

// A map that holds less than a hundredth of the logit, of both signs together, is
// faint; one that holds nothing is empty.
func TestFaintRelevance(t *testing.T) {
	for _, c := range []struct {
		score float32
		last  float32 // relevance of the last pixel; that of the first is -0.5
		want  explain.Status
	}{
		{score: 100.1, last: 0.5, want: explain.Faint},
		{score: -100.1, last: 0.5, want: explain.Faint},
		{score: 99.9, last: 0.5, want: explain.OK},
		{score: 0, last: 0.5, want: explain.OK},
		{score: 1000, last: nan, want: explain.NonFinite},
		{score: float32(math.Inf(1)), last: 0.5, want: explain.NonFinite},
	} {
		model := &signals{scores: []float32{0, c.score, 0}, change: func(d *explain.Differential) {
			v := d.Gradients[0].Values
			clear(v)
			v[0], v[len(v)-1] = -0.5, c.last
		}}
		if a := must(t, explain.LRP{Model: model}, ramp(), 1)[0]; a.Status != c.want {
			t.Errorf("1 of %g, %g: %s; want %s", c.score, c.last, a.Status, c.want)
		}
	}
	nothing := &signals{change: func(d *explain.Differential) { clear(d.Gradients[0].Values) }}
	if a := must(t, explain.LRP{Model: nothing}, ramp(), 1)[0]; a.Status != explain.Empty {
		t.Errorf("no relevance: %+v", a)
	}
}

func TestMalformedSignals(t *testing.T) {
	for want, change := range map[string]func(*explain.Differential){
		"0 gradients":                       func(d *explain.Differential) { d.Gradients = nil },
		"has 0 values":                      func(d *explain.Differential) { d.Gradients[0].Values = nil },
		"[4,2,3], the image [2,4,3]":        func(d *explain.Differential) { d.Gradients[0].Height, d.Gradients[0].Width = 4, 2 },
		"0 targets, 1 scores and 1 gradien": func(d *explain.Differential) { d.Targets = nil },
	} {
		_, err := explain.LRP{Model: &signals{change: change}}.Explain(t.Context(), ramp(), []int{0})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// steep is the bound of the epsilon rule on all convolutions: where a unit is as
// near to zero as its epsilon, 1e-6, the relevance that it passes on depends on
// its last bits. zennit's float32 differs as much from its float64.
const steep = 1e-3

// Every preset of LRP against zennit, at the image and at conv5, and guided
// backpropagation against Captum.
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
				got := must(t, e, images, want.Targets...)
				if len(maps) != len(got) {
					t.Fatalf("the oracle has %d maps of %s, want %d", len(maps), line.Subject, len(got))
				}
				for i, a := range got {
					line.Difference = max(line.Difference, maps[i].Apart(a.Map))
				}
				line.Group, line.Model, line.Of, line.Bound = agreement.Relevance, name, "its largest value", max(line.Bound, 1e-4)
				agreement.Check(t, line)
			}
			with := func(c tfmodel.Composite, err error) explain.Differentiator {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
				model, err := m.With(c)
				if err != nil {
					t.Fatal(err)
				}
				return model
			}
			for _, preset := range tfmodel.LRPs() {
				model := with(tfmodel.LookupLRP(preset))
				line := agreement.Line{Subject: "lrp", Oracle: want.Oracle("zennit"), Compared: preset + " at the image, 2 images"}
				if preset == "epsilon" && name == "AlexNet02" {
					line.Bound = steep
				}
				check(line, explain.LRP{Model: model}, want.Relevance.Maps[preset]["image"])
				line.Compared, line.Bound = preset+" at conv5, 2 images", 0
				check(line, explain.LRP{Model: model, Layer: "conv5"}, want.Relevance.Maps[preset]["conv5"])
			}
			if name == "AlexNet02" {
				agreement.Check(t, agreement.Line{
					Group: agreement.Relevance, Subject: "lrp", Model: name, Oracle: want.Oracle("zennit") + " in float32, against float64",
					Compared: "the oracle with itself: epsilon at the image, 2 images", Difference: want.Relevance.Rounding,
					Of: "its largest value", Bound: steep,
				})
			}
			line := agreement.Line{Subject: "guidedbackprop", Oracle: want.Oracle("captum"), Compared: "map, 2 images"}
			check(line, explain.GuidedBackprop{Model: with(tfmodel.GuidedBackprop(), nil)}, want.Relevance.Maps[line.Subject]["image"])
		})
	}
}
