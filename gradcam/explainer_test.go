package gradcam_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"oscar/explain"
	"oscar/gradcam"
)

func TestExplain(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	model := &fake{
		activations: []explain.Volume{noise(r, 3, 4, 5), noise(r, 3, 4, 5)},
		gradients:   []explain.Volume{noise(r, 3, 4, 5), noise(r, 3, 4, 5)},
	}
	targets := []int{explain.Predicted, 2}
	e := gradcam.Explainer{Model: model, Layer: "conv5", Score: explain.Probability, Name: "cam", Method: gradcam.GradCAM}
	got, err := e.Explain(t.Context(), images(2), targets)
	if err != nil {
		t.Fatal(err)
	}
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

func TestDefaults(t *testing.T) {
	model := &fake{activations: []explain.Volume{volume(1, 2, 1)}, gradients: []explain.Volume{volume(1, 2, 1)}}
	got, err := gradcam.Explainer{Model: model, Layer: "conv5"}.Explain(t.Context(), images(1), []int{0})
	if err != nil {
		t.Fatal(err)
	}
	if model.score != explain.Logit || got[0].Method != "gradcam" {
		t.Errorf("score %q, method %q; want logit, gradcam", model.score, got[0].Method)
	}
}

func TestBatchEqualsOneByOne(t *testing.T) {
	const n = 5
	r := rand.New(rand.NewPCG(3, 4))
	model := &fake{}
	for range n {
		model.activations = append(model.activations, noise(r, 4, 3, 7))
		model.gradients = append(model.gradients, noise(r, 4, 3, 7))
	}
	forEachMethod(t, func(t *testing.T, method gradcam.Method) {
		batch, err := gradcam.Explainer{Model: model, Method: method}.Explain(t.Context(), images(n), make([]int, n))
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			single := &fake{activations: model.activations[i : i+1], gradients: model.gradients[i : i+1]}
			one, err := gradcam.Explainer{Model: single, Method: method}.Explain(t.Context(), images(1), []int{0})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(one[0].Map.Values, batch[i].Map.Values) {
				t.Errorf("image %d alone has another map than in the batch", i)
			}
		}
	})
}

func TestStatuses(t *testing.T) {
	flat := func(values ...float32) explain.Volume {
		return explain.Volume{Height: 1, Width: len(values), Channels: 1, Values: values}
	}
	one := flat(1, 1) // as gradients: a weight of 1
	for _, test := range []struct {
		activations, gradients explain.Volume
		want                   explain.Status
	}{
		{flat(1, 2), one, explain.OK},
		{flat(0, 0), one, explain.Empty},
		{flat(1, 2), flat(0, 0), explain.Empty},
		{flat(1, 2), flat(-1, -1), explain.Empty},
		{flat(3, 3), one, explain.Constant},
		{flat(1, float32(math.NaN())), one, explain.NonFinite},
		{flat(1, 2), flat(float32(math.Inf(1)), 0), explain.NonFinite},
		{flat(math.MaxFloat32, 0), flat(4, 4), explain.NonFinite}, // too large for a float32
	} {
		model := &fake{activations: []explain.Volume{test.activations}, gradients: []explain.Volume{test.gradients}}
		got, err := gradcam.Explainer{Model: model}.Explain(t.Context(), images(1), []int{0})
		if err != nil {
			t.Fatal(err)
		}
		if got[0].Status != test.want {
			t.Errorf("A = %v, gradients %v: %s, want %s", test.activations.Values, test.gradients.Values, got[0].Status, test.want)
		}
	}
}

func TestRefusals(t *testing.T) {
	ok := []explain.Volume{volume(2, 3, 4)}
	for _, test := range []struct {
		explainer gradcam.Explainer
		targets   []int
		want      string
	}{
		{gradcam.Explainer{}, []int{0}, "gradcam: the explainer has no model"},
		{gradcam.Explainer{Model: &fake{}}, []int{0, 1}, "gradcam: 2 targets for 1 images; want one an image"},
		{gradcam.Explainer{Model: &fake{}, Layer: "none"}, []int{0}, `gradcam of layer "none": no layer "none"; have conv5`},
		{gradcam.Explainer{Model: &fake{}, Layer: "conv5"}, []int{0}, `gradcam of layer "conv5": the model gave 0 activations for 1 images`},
		{gradcam.Explainer{Model: &fake{activations: ok, gradients: []explain.Volume{volume(3, 2, 4)}}, Layer: "conv5"}, []int{0},
			`gradcam of layer "conv5", image 0: activations are [2,3,4] but gradients [3,2,4]; want one shape`},
	} {
		_, err := test.explainer.Explain(t.Context(), images(1), test.targets)
		if err == nil || err.Error() != test.want {
			t.Errorf("error %v\nwant  %s", err, test.want)
		}
	}
	for name, pair := range malformed {
		model := &fake{activations: []explain.Volume{pair[0]}, gradients: []explain.Volume{pair[1]}}
		_, err := gradcam.Explainer{Model: model}.Explain(t.Context(), images(1), []int{0})
		if err == nil || !strings.Contains(err.Error(), "image 0") {
			t.Errorf("%s: error %v, want one that names the image", name, err)
		}
	}
}
