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

// forEachEntry runs a test on every line of the table.
func forEachEntry(t *testing.T, test func(t *testing.T, entry gradcam.Entry)) {
	if len(gradcam.Methods) == 0 {
		t.Fatal("the table of methods is empty")
	}
	for _, entry := range gradcam.Methods {
		t.Run(entry.Name, func(t *testing.T) { test(t, entry) })
	}
}

// forEachMethod runs a test on every line that is arithmetic alone.
func forEachMethod(t *testing.T, test func(t *testing.T, entry gradcam.Entry)) {
	forEachEntry(t, func(t *testing.T, entry gradcam.Entry) {
		if entry.CAM != nil {
			test(t, entry)
		}
	})
}

// explainAll is Explain of the given methods at one layer, without an error.
func explainAll(t *testing.T, model explain.Differentiator, layer string, score explain.Score, images explain.Images, targets []int, methods ...gradcam.Entry) []explain.Attribution {
	t.Helper()
	got, err := gradcam.Explainer{Model: model, Layer: layer, Score: score, Methods: methods}.Explain(t.Context(), images, targets)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(methods)*images.N {
		t.Fatalf("%d attributions of %d images by %d methods", len(got), images.N, len(methods))
	}
	return got
}

func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, entry := range gradcam.Methods {
		set, needs := 0, explain.Differentiates
		for need, is := range map[explain.Abilities]bool{0: entry.CAM != nil, explain.Predicts: entry.Mask != nil, explain.RunsFromLayer: entry.Head != nil} {
			if is {
				set++
				needs |= need
			}
		}
		if entry.Name == "" || entry.Paper == "" || set != 1 {
			t.Errorf("entry %q, paper %q, %d functions; want a name, a paper and one function", entry.Name, entry.Paper, set)
		}
		if entry.At != explain.AtLayer || entry.Needs != needs || (entry.Score == "") != entry.ClassAgnostic {
			t.Errorf("%s: at %q, needs %q, score %q; want %q, %q, and a score unless it is the same for every class",
				entry.Name, entry.At, entry.Needs, entry.Score, explain.AtLayer, needs)
		}
		if seen[entry.Name] {
			t.Errorf("two methods are called %q", entry.Name)
		}
		seen[entry.Name] = true
		if found, err := gradcam.Lookup(entry.Name); err != nil || found.Paper != entry.Paper {
			t.Errorf("Lookup(%q) = %v, %v", entry.Name, found, err)
		}
	}
	var names []string
	for _, entry := range gradcam.Methods {
		names = append(names, entry.Name)
	}
	_, err := gradcam.Lookup("gradcan")
	if want := `no CAM method "gradcan" (gradcam?); have ` + strings.Join(names, ", "); err == nil || err.Error() != want {
		t.Errorf("Lookup of an unknown name: %v\nwant %s", err, want)
	}
}

// If no activation is negative, a map has no negative value where the table says
// so, else it has one for gradients of both signs or for negative ones.
func TestNonNegativeIsAsTheTableSays(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	a, g := noise(r, 4, 5, 6), noise(r, 4, 5, 6)
	negative := g
	negative.Values = slices.Clone(g.Values)
	for i := range a.Values {
		a.Values[i] = max(a.Values[i], 0)
		negative.Values[i] = -max(g.Values[i], -g.Values[i])
	}
	picture := photos(r, 1, 8, 9)
	forEachEntry(t, func(t *testing.T, entry gradcam.Entry) {
		lowest := float32(0)
		for _, g := range []explain.Volume{g, negative} {
			model := &fake{activations: []explain.Volume{a}, gradients: []explain.Volume{g}}
			model.head = func(explain.Volume) float32 { return 2 } // above the fake's score
			low, _ := explainAll(t, model, "relu5", explain.Logit, picture, []int{0}, entry)[0].Map.Range()
			lowest = min(lowest, low)
		}
		if (lowest == 0) != entry.NonNegative {
			t.Errorf("the least value is %v, but the table has NonNegative: %v", lowest, entry.NonNegative)
		}
	})
}

// Without ReLUs, activations have both signs wherever gradients have: no method
// cuts off what is negative.
func TestMapsAreSigned(t *testing.T) {
	model, pictures := newNet(1), photos(rand.New(rand.NewPCG(1, 2)), 3, 9, 7)
	model.Layers = []layer{model.Layers[0], model.Layers[2]}
	forEachEntry(t, func(t *testing.T, entry gradcam.Entry) {
		lowest := float32(0)
		for _, a := range explainAll(t, model, "conv1", explain.Logit, pictures, []int{0, 1, 2}, entry) {
			if a.Map.Height != 7 || a.Map.Width != 5 {
				t.Errorf("the map is %dx%d, want 7x5", a.Map.Height, a.Map.Width)
			}
			low, _ := a.Map.Range()
			lowest = min(lowest, low)
		}
		if lowest == 0 {
			t.Error("three maps without a negative value")
		}
	})
}

func TestBatchEqualsOneByOne(t *testing.T) {
	const n = 4
	model, pictures := newNet(2), photos(rand.New(rand.NewPCG(3, 4)), n, 9, 7)
	targets := []int{explain.Predicted, 0, 1, 2}
	forEachEntry(t, func(t *testing.T, entry gradcam.Entry) {
		batch := explainAll(t, model, "relu2", explain.Probability, pictures, targets, entry)
		again := explainAll(t, model, "relu2", explain.Probability, pictures, targets, entry)
		for i := range n {
			alone := explainAll(t, model, "relu2", explain.Probability, picture(pictures, i), targets[i:i+1], entry)
			if !slices.Equal(alone[0].Map.Values, batch[i].Map.Values) {
				t.Errorf("image %d alone has another map than in the batch", i)
			}
			if !slices.Equal(again[i].Map.Values, batch[i].Map.Values) {
				t.Errorf("image %d has another map the second time", i)
			}
		}
	})
}

func TestOtherTargetOtherMap(t *testing.T) {
	model, picture := newNet(5), photos(rand.New(rand.NewPCG(5, 6)), 1, 9, 7)
	forEachEntry(t, func(t *testing.T, entry gradcam.Entry) {
		one := explainAll(t, model, "relu2", explain.Logit, picture, []int{0}, entry)[0]
		other := explainAll(t, model, "relu2", explain.Logit, picture, []int{2}, entry)[0]
		if same := slices.Equal(one.Map.Values, other.Map.Values); same != entry.ClassAgnostic {
			t.Errorf("two classes have the same map: %v, the table says %v", same, entry.ClassAgnostic)
		}
	})
}

func TestOtherScoreOtherMap(t *testing.T) {
	model, picture := newNet(5), photos(rand.New(rand.NewPCG(5, 6)), 1, 9, 7)
	forEachEntry(t, func(t *testing.T, entry gradcam.Entry) {
		logit := explainAll(t, model, "relu2", explain.Logit, picture, []int{0}, entry)[0]
		unnamed := explainAll(t, model, "relu2", "", picture, []int{0}, entry)[0]
		probability := explainAll(t, model, "relu2", explain.Probability, picture, []int{0}, entry)[0]
		if !slices.Equal(logit.Map.Values, unnamed.Map.Values) {
			t.Error("no score is not the logit")
		}
		if same := slices.Equal(logit.Map.Values, probability.Map.Values); same != entry.ClassAgnostic {
			t.Errorf("logit and probability have the same map: %v, want %v", same, entry.ClassAgnostic)
		}
	})
}

func TestInputsUntouched(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	forEachEntry(t, func(t *testing.T, entry gradcam.Entry) {
		model := &fake{activations: []explain.Volume{noise(r, 4, 5, 6)}, gradients: []explain.Volume{noise(r, 4, 5, 6)}}
		picture, targets := photos(r, 1, 8, 9), []int{explain.Predicted}
		a, g, pixels := slices.Clone(model.activations[0].Values), slices.Clone(model.gradients[0].Values), slices.Clone(picture.Pixels)
		explainAll(t, model, "conv5", explain.Logit, picture, targets, entry)
		if !slices.Equal(model.activations[0].Values, a) || !slices.Equal(model.gradients[0].Values, g) {
			t.Error("the method changed the model's volumes")
		}
		if !slices.Equal(picture.Pixels, pixels) || targets[0] != explain.Predicted {
			t.Error("the method changed the image or the targets")
		}
	})
}

func TestStatuses(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	flat := func(values ...float32) explain.Volume {
		return explain.Volume{Height: 1, Width: len(values), Channels: 1, Values: values}
	}
	one := flat(1, 1) // as gradients: a weight of 1
	for _, test := range []struct {
		activations, gradients explain.Volume
		want, anyClass         explain.Status
	}{
		{flat(1, 2), one, explain.OK, explain.OK},
		{flat(0, 0), one, explain.Empty, explain.Empty},
		{flat(3, 3), one, explain.Constant, explain.Empty}, // centered, nothing is left
		{flat(1, nan), one, explain.NonFinite, explain.NonFinite},
		{flat(nan, 1), one, explain.NonFinite, explain.NonFinite},
		{flat(1, inf), one, explain.NonFinite, explain.NonFinite},
		{flat(1, -inf), one, explain.NonFinite, explain.NonFinite},
	} {
		forEachEntry(t, func(t *testing.T, entry gradcam.Entry) {
			model := &fake{activations: []explain.Volume{test.activations}, gradients: []explain.Volume{test.gradients}}
			got := explainAll(t, model, "conv5", explain.Logit, images(1), []int{0}, entry)
			want := test.want
			if entry.ClassAgnostic {
				want = test.anyClass
			}
			if got[0].Status != want {
				t.Errorf("A = %v: %s (%v), want %s", test.activations.Values, got[0].Status, got[0].Map.Values, want)
			}
		})
	}
	for _, test := range []struct {
		activations, gradients explain.Volume
		want                   explain.Status
	}{
		{flat(1, 2), flat(0, 0), explain.Empty},
		{flat(1, 2), flat(-1, -1), explain.Empty},
		{flat(1, 2), flat(nan, 0), explain.NonFinite},
		{flat(1, 2), flat(0, nan), explain.NonFinite},
		{flat(1, 2), flat(inf, 0), explain.NonFinite},
	} {
		forEachMethod(t, func(t *testing.T, entry gradcam.Entry) {
			if got := explain.StatusOf(entry.CAM(test.activations, test.gradients)); !entry.ClassAgnostic && got != test.want {
				t.Errorf("gradients %v: %s, want %s", test.gradients.Values, got, test.want)
			}
		})
	}
	if got := explain.StatusOf(gradcam.GradCAM(flat(math.MaxFloat32, 0), flat(4, 4))); got != explain.NonFinite {
		t.Errorf("a map too large for a float32 is %s", got)
	}
}

// malformed are pairs that do not fit.
var malformed = map[string][2]explain.Volume{
	"other height":    {volume(2, 3, 4), volume(3, 3, 4)},
	"other width":     {volume(2, 3, 4), volume(2, 1, 4)},
	"other channels":  {volume(2, 3, 4), volume(2, 3, 5)},
	"height<->width":  {volume(2, 3, 4), volume(3, 2, 4)},
	"nothing":         {{}, {}},
	"negative":        {{Height: -1, Width: -1, Channels: 1, Values: []float32{1}}, {Height: -1, Width: -1, Channels: 1, Values: []float32{1}}},
	"too few values":  {{Height: 2, Width: 2, Channels: 1, Values: make([]float32, 3)}, volume(2, 2, 1)},
	"too many values": {volume(2, 2, 1), {Height: 2, Width: 2, Channels: 1, Values: make([]float32, 5)}},
}

func TestMalformedGivesNoMap(t *testing.T) {
	forEachMethod(t, func(t *testing.T, entry gradcam.Entry) {
		for name, pair := range malformed {
			want := 0
			if a := pair[0]; entry.ClassAgnostic && a.Height > 0 && len(a.Values) == a.Height*a.Width*a.Channels {
				want = a.Height * a.Width // it looks at the activations only
			}
			if got := entry.CAM(pair[0], pair[1]); len(got.Values) != want {
				t.Errorf("%s: a map of %d values, want %d", name, len(got.Values), want)
			}
		}
	})
}

func TestMalformedIsAnError(t *testing.T) {
	forEachEntry(t, func(t *testing.T, entry gradcam.Entry) {
		for name, pair := range malformed {
			model := &fake{activations: []explain.Volume{pair[0]}, gradients: []explain.Volume{pair[1]}}
			_, err := gradcam.Explainer{Model: model, Methods: []gradcam.Entry{entry}}.Explain(t.Context(), images(1), []int{0})
			if err == nil || !strings.Contains(err.Error(), "image 0") {
				t.Errorf("%s: error %v, want one that names the image", name, err)
			}
		}
	})
}
