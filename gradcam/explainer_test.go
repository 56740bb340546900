package gradcam_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"oscar/explain"
	"oscar/gradcam"
)

func lookup(t testing.TB, name string) gradcam.Entry {
	t.Helper()
	entry, err := gradcam.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return entry
}

func TestExplain(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	model := &fake{
		activations: []explain.Volume{noise(r, 3, 4, 5), noise(r, 3, 4, 5)},
		gradients:   []explain.Volume{noise(r, 3, 4, 5), noise(r, 3, 4, 5)},
	}
	targets := []int{explain.Predicted, 2}
	got := explainAll(t, model, "conv5", explain.Probability, images(2), targets, gradcam.Entry{Method: explain.Method{Name: "cam"}, CAM: gradcam.GradCAM})
	if model.runs != 1 || model.layer != "conv5" || model.score != explain.Probability {
		t.Errorf("the model ran %d times on layer %q with score %q; want once, conv5, probability", model.runs, model.layer, model.score)
	}
	if !slices.Equal(targets, []int{explain.Predicted, 2}) {
		t.Errorf("targets became %v", targets)
	}
	for i, a := range got {
		target := []int{4, 2}[i] // the fake predicts 4
		if a.Method != "cam" || a.Layer != "conv5" || a.Target != target || a.Score != float32(target)+0.5 || a.Status != explain.OK {
			t.Errorf("attribution %d: %+v", i, a)
		}
		want := gradcam.GradCAM(model.activations[i], model.gradients[i])
		if a.Map.Height != 3 || a.Map.Width != 4 || !slices.Equal(a.Map.Values, want.Values) {
			t.Errorf("map %d: %+v, want %+v", i, a.Map, want)
		}
	}
}

// Of every method at once: one run for activations and gradients, and the same
// attributions as of each method alone, image by image.
func TestSeveralMethodsOneRun(t *testing.T) {
	const n = 3
	r := rand.New(rand.NewPCG(1, 2))
	model := &fake{}
	for range n {
		model.activations = append(model.activations, noise(r, 3, 4, 5))
		model.gradients = append(model.gradients, noise(r, 3, 4, 5))
	}
	pictures, targets := photos(r, n, 6, 8), []int{0, 1, explain.Predicted}
	got := explainAll(t, model, "conv5", explain.Logit, pictures, targets, gradcam.Methods...)
	if model.runs != 1 {
		t.Errorf("%d runs for activations and gradients, want 1", model.runs)
	}
	if want := []int{5, 5, 5, 5, 5, 5}; !slices.Equal(model.batches, want) { // 5 channels, two methods, three images
		t.Errorf("runs of %v, want %v", model.batches, want)
	}
	for m, entry := range gradcam.Methods {
		for i, want := range explainAll(t, model, "conv5", explain.Logit, pictures, targets, entry) {
			a := got[i*len(gradcam.Methods)+m]
			if a.Method != entry.Name || a.Target != want.Target || !slices.Equal(a.Map.Values, want.Map.Values) {
				t.Errorf("%s of image %d: %+v, want %+v", entry.Name, i, a, want)
			}
		}
	}
}

func TestProbabilitiesGoAlong(t *testing.T) {
	pictures := photos(rand.New(rand.NewPCG(1, 2)), 2, 9, 7)
	for i, a := range explainAll(t, newNet(1), "relu2", explain.Logit, pictures, []int{0, 1}, gradcam.Methods[0]) {
		if len(a.Probabilities) != 3 {
			t.Errorf("attribution %d has probabilities %v, want 3", i, a.Probabilities)
		}
	}
}

func TestDefaults(t *testing.T) {
	model := &fake{activations: []explain.Volume{volume(1, 2, 1)}, gradients: []explain.Volume{volume(1, 2, 1)}}
	got, err := gradcam.Explainer{Model: model, Layer: "conv5"}.Explain(t.Context(), images(1), []int{0})
	if err != nil {
		t.Fatal(err)
	}
	if model.score != explain.Logit || len(got) != 1 || got[0].Method != "gradcam" {
		t.Errorf("score %q, %+v; want logit, one of gradcam", model.score, got)
	}
}

// differentiator is a model that can do no more.
type differentiator struct{ explain.Differentiator }

func TestRefusals(t *testing.T) {
	model := &fake{activations: []explain.Volume{volume(2, 3, 4)}, gradients: []explain.Volume{volume(2, 3, 4)}}
	twisted := &fake{activations: model.activations, gradients: []explain.Volume{volume(3, 2, 4)}}
	with := func(model explain.Differentiator, names ...string) gradcam.Explainer {
		e := gradcam.Explainer{Model: model, Layer: "conv5"}
		for _, name := range names {
			e.Methods = append(e.Methods, lookup(t, name))
		}
		return e
	}
	for _, test := range []struct {
		explainer gradcam.Explainer
		targets   []int
		want      string
	}{
		{gradcam.Explainer{}, []int{0}, "gradcam: the explainer has no model"},
		{with(model), []int{0, 1}, "gradcam: 2 targets for 1 images; want one per image"},
		{gradcam.Explainer{Model: model, Layer: "none"}, []int{0}, `gradcam: layer "none": no layer "none"; have conv5`},
		{with(&fake{}), []int{0}, `gradcam: layer "conv5": the model gave 0 activations for 1 images`},
		{with(twisted), []int{0}, `gradcam: layer "conv5", image 0: activations are [2,3,4] but gradients [3,2,4]; want one shape`},
		{with(differentiator{model}, "gradcam", "scorecam"), []int{0},
			"gradcam: scorecam shows the model masked images; gradcam_test.differentiator is not an explain.Predictor"},
		{with(differentiator{model}, "gradcam", "ablationcam"), []int{0},
			"gradcam: ablationcam runs the model from a layer on; gradcam_test.differentiator is not an explain.Head"},
		{gradcam.Explainer{Model: model, Methods: []gradcam.Entry{{Method: explain.Method{Name: "cam"}}}}, []int{0}, `gradcam: the entry "cam" has no method`},
	} {
		_, err := test.explainer.Explain(t.Context(), images(1), test.targets)
		if err == nil || err.Error() != test.want {
			t.Errorf("error %v\nwant  %s", err, test.want)
		}
	}
	if model.runs != 1 { // for layer "none"
		t.Errorf("the model ran %d times, want once: a method it cannot serve is refused before", model.runs)
	}
}

// broken is a model that differentiates, and then fails or says too little.
type broken struct {
	*fake
	prediction explain.Prediction
	err        error
}

func (b broken) Predict(context.Context, explain.Images) (explain.Prediction, error) {
	return b.prediction, b.err
}

func (b broken) PredictFrom(context.Context, explain.Images, string, []explain.Volume) (explain.Prediction, error) {
	return b.prediction, b.err
}

func TestRunsThatFail(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	model := &fake{activations: []explain.Volume{noise(r, 2, 3, 4)}, gradients: []explain.Volume{volume(2, 3, 4)}}
	few, short := explain.Prediction{Logits: make([][]float32, 3)}, explain.Prediction{Logits: make([][]float32, 4)}
	for _, name := range []string{"scorecam", "ablationcam"} {
		for _, test := range []struct {
			model broken
			want  string
		}{
			{broken{model, few, context.Canceled}, "channels 0 to 3: context canceled"},
			{broken{model, few, nil}, "the model gave 3 predictions for 4 channels"},
			{broken{model, short, nil}, "no class 2 in a prediction of 0"},
		} {
			_, err := gradcam.Explainer{Model: test.model, Layer: "conv5", Methods: []gradcam.Entry{lookup(t, name)}}.Explain(t.Context(), images(1), []int{2})
			if want := name + ` of layer "conv5", image 0: ` + test.want; err == nil || err.Error() != want {
				t.Errorf("error %v\nwant  %s", err, want)
			}
			if test.model.err != nil && !errors.Is(err, test.model.err) {
				t.Errorf("%v does not wrap the model's error", err)
			}
		}
	}
	without := images(1)
	without.Pixels = nil
	_, err := gradcam.Explainer{Model: model, Layer: "conv5", Methods: []gradcam.Entry{lookup(t, "scorecam")}}.Explain(t.Context(), without, []int{0})
	const want = `scorecam of layer "conv5", image 0: 0 pixel values for an image of shape [1,1,1,3]; want one whole image`
	if err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
}
