package gradcam_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"oscar/explain"
	"oscar/gradcam"
	"oscar/internal/agreement"
	"oscar/internal/reference"
	"oscar/tfmodel"
)

// twoLevels is a model with one layer of 1x2 positions, "conv", on images of
// 2x4 pixels. Its signal at the image is the image times the target, in three
// channels. At conv, Grad-CAM's weights are 1 and -1 times the target, its map
// (2, -4) times the target.
type twoLevels struct {
	batches []int
	change  func(*explain.Differential)
}

func (m *twoLevels) Differentiate(_ context.Context, images explain.Images, targets []int, layer string, score explain.Score) (explain.Differential, error) {
	m.batches = append(m.batches, images.N)
	if score != explain.Logit {
		return explain.Differential{}, errors.New("no such score")
	}
	var d explain.Differential
	for i, target := range targets {
		if target == explain.Predicted {
			target = 2
		}
		a := explain.Volume{Height: images.Height, Width: images.Width, Channels: images.Channels, Values: images.Slice(i, i+1).Pixels}
		g := a
		if layer == "conv" {
			a = explain.Volume{Height: 1, Width: 2, Channels: 2, Values: []float32{2, 0, 0, 4}}
			g = explain.Volume{Height: 1, Width: 2, Channels: 2, Values: []float32{1, -1, 1, -1}}
		}
		g.Values = slices.Clone(g.Values)
		for k := range g.Values {
			g.Values[k] *= float32(target)
		}
		d.Targets, d.Scores, d.Probabilities = append(d.Targets, target), append(d.Scores, 10), append(d.Probabilities, []float32{0.25, 0.25, 0.5})
		d.Activations, d.Gradients = append(d.Activations, a), append(d.Gradients, g)
	}
	if m.change != nil {
		m.change(&d)
	}
	return d, nil
}

// ramps are n images of 2x4 pixels. The channels of pixel k of image i add up
// to k+i.
func ramps(n int) explain.Images {
	images := explain.Images{N: n, Height: 2, Width: 4, Channels: 3}
	for i := range n {
		for k := range 8 {
			images.Pixels = append(images.Pixels, float32(k+i)+5, -7, 2)
		}
	}
	return images
}

// The guided map of target 2 is twice 0 to 7. Grad-CAM's positive map is (4, 0),
// resized to 4, 3, 1, 0 in each row.
func TestGuidedGradCAMByHand(t *testing.T) {
	model := &twoLevels{}
	got, err := gradcam.GuidedGradCAM{Model: model, Guided: model, Layer: "conv"}.Explain(t.Context(), ramps(1), []int{explain.Predicted})
	if err != nil {
		t.Fatal(err)
	}
	a := got[0]
	if !slices.Equal(a.Map.Values, []float32{0, 6, 4, 0, 32, 30, 12, 0}) || a.Map.Height != 2 || a.Map.Width != 4 {
		t.Errorf("map %+v", a.Map)
	}
	if a.Method != gradcam.Guided.Name || a.Layer != "conv" || a.Target != 2 || a.Score != 10 || a.Status != explain.OK || len(a.Probabilities) != 3 {
		t.Errorf("%+v", a)
	}
}

func TestGuidedGradCAMInBatches(t *testing.T) {
	images, targets := ramps(5), []int{0, 1, 2, 1, explain.Predicted}
	before := slices.Clone(images.Pixels)
	model := &twoLevels{}
	var steps []int
	e := gradcam.GuidedGradCAM{Model: model, Guided: model, Layer: "conv", Batch: 2, Progress: func(done, total int) { steps = append(steps, done, total) }}
	all, err := e.Explain(t.Context(), images, targets)
	if err != nil || len(all) != 5 {
		t.Fatalf("%d maps, %v", len(all), err)
	}
	if slices.Max(model.batches) != 2 || !slices.Equal(steps, []int{2, 5, 4, 5, 5, 5}) {
		t.Errorf("batches %v, progress %v", model.batches, steps)
	}
	for i, a := range all {
		alone, err := e.Explain(t.Context(), images.Slice(i, i+1), targets[i:i+1])
		if err != nil || !slices.Equal(alone[0].Map.Values, a.Map.Values) || alone[0].Target != a.Target {
			t.Errorf("image %d has another map alone: %v", i, err)
		}
	}
	if none, err := e.Explain(t.Context(), explain.Images{Height: 2, Width: 4, Channels: 3}, nil); err != nil || len(none) != 0 {
		t.Errorf("of no images %v, %v", none, err)
	}
	if !slices.Equal(images.Pixels, before) {
		t.Error("the images were changed")
	}
}

func TestGuidedGradCAMRefusals(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	nan := &twoLevels{change: func(d *explain.Differential) { d.Gradients[0].Values[3] = float32(math.NaN()) }}
	got, err := gradcam.GuidedGradCAM{Model: nan, Guided: nan, Layer: "conv"}.Explain(t.Context(), ramps(1), []int{1})
	if err != nil || got[0].Status != explain.NonFinite {
		t.Errorf("of a NaN: %+v, %v", got, err)
	}
	var none explain.Differentiator
	for _, test := range []struct {
		model   explain.Differentiator
		batch   int
		score   explain.Score
		ctx     context.Context
		images  explain.Images
		targets []int
		want    string
	}{
		{none, 0, "", t.Context(), ramps(1), []int{0}, "no model"},
		{&twoLevels{}, -1, "", t.Context(), ramps(1), []int{0}, "batch is -1"},
		{&twoLevels{}, 0, "", t.Context(), ramps(2), []int{0}, "1 targets for 2 images"},
		{&twoLevels{}, 0, "", t.Context(), explain.Images{N: 2, Height: 2, Width: 4, Channels: 3}, []int{0, 0}, "0 pixel values"},
		{&twoLevels{}, 0, explain.Probability, t.Context(), ramps(1), []int{0}, "no such score"},
		{&twoLevels{}, 0, "", canceled, ramps(1), []int{0}, "canceled"},
		{&twoLevels{change: func(d *explain.Differential) { d.Gradients = nil }}, 0, "", t.Context(), ramps(1), []int{0}, "0 gradients"},
		{&twoLevels{change: func(d *explain.Differential) { d.Gradients[0].Values = nil }}, 0, "", t.Context(), ramps(1), []int{0}, "0 gradients for the shape [1,2,2]"},
	} {
		_, err := gradcam.GuidedGradCAM{Model: test.model, Guided: test.model, Layer: "conv", Batch: test.batch, Score: test.score}.Explain(test.ctx, test.images, test.targets)
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), gradcam.Guided.Name+": ") {
			t.Errorf("error %v, want %q", err, test.want)
		}
	}
}

func TestNetworksAsCaptum(t *testing.T) {
	for _, name := range reference.Names {
		t.Run(name, func(t *testing.T) {
			var want struct {
				reference.Asked
				Relevance struct {
					Maps map[string]map[string][]reference.Sampled // method, layer
				}
			}
			reference.Read(t, name, "relevance.json", &want)
			m := reference.Open(t, name)
			guided, err := m.With(tfmodel.GuidedBackprop())
			if err != nil {
				t.Fatal(err)
			}
			maps := want.Relevance.Maps[gradcam.Guided.Name]["image"]
			images := reference.Images(name, len(want.Targets))
			got, err := gradcam.GuidedGradCAM{Model: m.Bundle, Guided: guided, Layer: "conv5"}.Explain(t.Context(), images, want.Targets)
			if err != nil || len(maps) != len(got) {
				t.Fatalf("the oracle has %d maps, oscar %d, %v", len(maps), len(got), err)
			}
			line := agreement.Line{
				Group: agreement.Relevance, Subject: gradcam.Guided.Name, Model: name, Oracle: want.Oracle("captum"),
				Compared: "map, Grad-CAM at conv5, 2 images", Of: "its largest value", Bound: 1e-4,
			}
			for i, a := range got {
				line.Difference = max(line.Difference, maps[i].Apart(a.Map))
			}
			agreement.Check(t, line)
		})
	}
}
