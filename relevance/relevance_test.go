package relevance_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"oscar/explain"
	"oscar/relevance"
)

// fake is a model with one layer of 1x2 positions, "conv", on images of 2x4
// pixels. Its signal at the image is the image times the target, in three
// channels.
type fake struct {
	asked  []int // images a run
	spoil  func(*explain.Differential)
	scores []float32 // by target; nil is 10
}

func (f *fake) Differentiate(_ context.Context, images explain.Images, targets []int, layer string, score explain.Score) (explain.Differential, error) {
	f.asked = append(f.asked, images.N)
	if score != explain.Logit {
		return explain.Differential{}, errors.New("no such score")
	}
	var d explain.Differential
	size := images.Height * images.Width * images.Channels
	for i, target := range targets {
		if target == explain.Predicted {
			target = 2
		}
		d.Targets = append(d.Targets, target)
		d.Probabilities = append(d.Probabilities, []float32{0.25, 0.25, 0.5})
		v := explain.Volume{Height: images.Height, Width: images.Width, Channels: images.Channels}
		for _, p := range images.Pixels[i*size : (i+1)*size] {
			v.Values = append(v.Values, p*float32(target))
		}
		a := v
		if layer == "conv" { // Grad-CAM: weights 1 and -1, the map is (2, -4) times the target
			a = explain.Volume{Height: 1, Width: 2, Channels: 2, Values: []float32{2, 0, 0, 4}}
			v = explain.Volume{Height: 1, Width: 2, Channels: 2, Values: []float32{1, -1, 1, -1}}
			for k := range v.Values {
				v.Values[k] *= float32(target)
			}
		}
		d.Activations, d.Gradients = append(d.Activations, a), append(d.Gradients, v)
		s := float32(10)
		if f.scores != nil {
			s = f.scores[target]
		}
		d.Scores = append(d.Scores, s)
	}
	if f.spoil != nil {
		f.spoil(&d)
	}
	return d, nil
}

// photos are n images of 2x4 pixels; the channels of pixel k of image i add up
// to k+i.
func photos(n int) explain.Images {
	images := explain.Images{N: n, Height: 2, Width: 4, Channels: 3}
	for i := range n {
		for k := range 8 {
			images.Pixels = append(images.Pixels, float32(k+i)+5, -7, 2)
		}
	}
	return images
}

// explainers has each of them, on one model.
func explainers(model explain.Differentiator, batch int, progress func(done, total int)) map[string]explain.Explainer {
	return map[string]explain.Explainer{
		"lrp":            relevance.LRP{Model: model, Batch: batch, Progress: progress},
		"guidedbackprop": relevance.GuidedBackprop{Model: model, Batch: batch, Progress: progress},
		"guidedgradcam":  relevance.GuidedGradCAM{Model: model, Guided: model, Layer: "conv", Batch: batch, Progress: progress},
	}
}

// The maps of one image, target 2, by hand: twice 0 to 7; Grad-CAM's positive
// map is (4, 0), enlarged to 4, 3, 1, 0 in each row.
var byHand = map[string][]float32{
	"lrp":            {0, 2, 4, 6, 8, 10, 12, 14},
	"guidedbackprop": {0, 2, 4, 6, 8, 10, 12, 14},
	"guidedgradcam":  {0, 6, 4, 0, 32, 30, 12, 0},
}

func TestMapsByHand(t *testing.T) {
	for name, e := range explainers(&fake{}, 0, nil) {
		got, err := e.Explain(t.Context(), photos(1), []int{explain.Predicted})
		if err != nil {
			t.Fatal(err)
		}
		a := got[0]
		if !slices.Equal(a.Map.Values, byHand[name]) || a.Map.Height != 2 || a.Map.Width != 4 {
			t.Errorf("%s: %dx%d %v, want %v", name, a.Map.Height, a.Map.Width, a.Map.Values, byHand[name])
		}
		if a.Method != name || a.Target != 2 || a.Score != 10 || a.Status != explain.OK || len(a.Probabilities) != 3 {
			t.Errorf("%s: %+v", name, a)
		}
		want := explain.Image
		if name == "guidedgradcam" {
			want = "conv"
		}
		if a.Layer != want {
			t.Errorf("%s: layer %q, want %q", name, a.Layer, want)
		}
	}
}

func TestRelevanceIsCounted(t *testing.T) {
	at := func(scores []float32, layer string) map[string]float64 {
		got, err := relevance.LRP{Model: &fake{scores: scores}, Layer: layer}.Explain(t.Context(), photos(1), []int{1})
		if err != nil {
			t.Fatal(err)
		}
		return got[0].Facts
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

func TestManyAreMadeOfOne(t *testing.T) {
	images, targets := photos(5), []int{0, 1, 2, 1, explain.Predicted}
	before := slices.Clone(images.Pixels)
	for name := range byHand {
		model := &fake{}
		var steps []int
		e := explainers(model, 2, func(done, total int) { steps = append(steps, done, total) })[name]
		all, err := e.Explain(t.Context(), images, targets)
		if err != nil || len(all) != 5 {
			t.Fatalf("%s: %d maps, %v", name, len(all), err)
		}
		if most := slices.Max(model.asked); most != 2 {
			t.Errorf("%s: the model saw %d images at a time, want 2", name, most)
		}
		if !slices.Equal(steps, []int{2, 5, 4, 5, 5, 5}) {
			t.Errorf("%s: progress %v", name, steps)
		}
		for i, a := range all {
			one := images
			one.N, one.Pixels = 1, images.Pixels[i*24:(i+1)*24]
			alone, err := e.Explain(t.Context(), one, targets[i:i+1])
			if err != nil || !slices.Equal(alone[0].Map.Values, a.Map.Values) || alone[0].Target != a.Target {
				t.Errorf("%s: image %d is another alone: %v", name, i, err)
			}
		}
		if none, err := e.Explain(t.Context(), explain.Images{Height: 2, Width: 4, Channels: 3}, nil); err != nil || len(none) != 0 {
			t.Errorf("%s: of no images %v, %v", name, none, err)
		}
	}
	if !slices.Equal(images.Pixels, before) {
		t.Error("the images were changed")
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
		{score: 1000, last: float32(math.NaN()), want: explain.NonFinite},
	} {
		model := &fake{scores: []float32{0, c.score, 0}, spoil: func(d *explain.Differential) {
			v := d.Gradients[0].Values
			clear(v)
			v[0], v[len(v)-1] = -0.5, c.last
		}}
		got, err := relevance.LRP{Model: model}.Explain(t.Context(), photos(1), []int{1})
		if err != nil || got[0].Status != c.want {
			t.Errorf("1 of %g, %g: %s, %v; want %s", c.score, c.last, got[0].Status, err, c.want)
		}
	}
	nothing := &fake{spoil: func(d *explain.Differential) { clear(d.Gradients[0].Values) }}
	if got, err := (relevance.LRP{Model: nothing}).Explain(t.Context(), photos(1), []int{1}); err != nil || got[0].Status != explain.Empty {
		t.Errorf("no relevance: %+v, %v", got, err)
	}
}

func TestANaNIsSeen(t *testing.T) {
	nan := &fake{spoil: func(d *explain.Differential) { d.Gradients[0].Values[3] = float32(math.NaN()) }}
	for name, e := range explainers(nan, 0, nil) {
		got, err := e.Explain(t.Context(), photos(1), []int{1})
		if err != nil || got[0].Status != explain.NonFinite {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	var none explain.Differentiator
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for what, test := range map[string]struct {
		model   explain.Differentiator
		batch   int
		ctx     context.Context
		images  explain.Images
		targets []int
		word    string
	}{
		"no model":         {none, 0, t.Context(), photos(1), []int{0}, "lacks a model"},
		"negative batch":   {&fake{}, -1, t.Context(), photos(1), []int{0}, "batch is -1"},
		"too few targets":  {&fake{}, 0, t.Context(), photos(2), []int{0}, "1 targets for 2 images"},
		"too few pixels":   {&fake{}, 0, t.Context(), explain.Images{N: 2, Height: 2, Width: 4, Channels: 3}, []int{0, 0}, "0 pixel values"},
		"cancelled":        {&fake{}, 0, cancelled, photos(1), []int{0}, "canceled"},
		"missing signals":  {&fake{spoil: func(d *explain.Differential) { d.Gradients = nil }}, 0, t.Context(), photos(1), []int{0}, "0 signals"},
		"a signal too few": {&fake{spoil: func(d *explain.Differential) { d.Gradients[0].Values = nil }}, 0, t.Context(), photos(1), []int{0}, "has 0 values"},
	} {
		for name, e := range explainers(test.model, test.batch, nil) {
			_, err := e.Explain(test.ctx, test.images, test.targets)
			if err == nil || !strings.Contains(err.Error(), test.word) || !strings.HasPrefix(err.Error(), name+": ") {
				t.Errorf("%s, %s: %v, want %q", name, what, err, test.word)
			}
		}
	}
	other := &fake{spoil: func(d *explain.Differential) { d.Gradients[0].Height, d.Gradients[0].Width = 4, 2 }}
	if _, err := (relevance.LRP{Model: other}).Explain(t.Context(), photos(1), []int{0}); err == nil || !strings.Contains(err.Error(), "4x2") {
		t.Errorf("a signal of another size: %v", err)
	}
	_, err := relevance.GuidedBackprop{Model: &fake{}, Score: explain.Probability}.Explain(t.Context(), photos(1), []int{0})
	if err == nil || !strings.Contains(err.Error(), "no such score") {
		t.Errorf("the score is not asked for: %v", err)
	}
}
