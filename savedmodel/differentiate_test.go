package savedmodel_test

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"oscar/explain"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

func differentiate(t *testing.T, b *savedmodel.Bundle, images explain.Images, targets []int, layer string, score explain.Score) explain.Differential {
	t.Helper()
	d, err := b.Differentiate(t.Context(), images, targets, layer, score)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Behind a layer that is averaged and then weighed, the gradient is known: the
// weight of its channel over the number of positions; for the probability, p
// (w - the mean of all classes' weights).
func TestGradientsOfALinearHead(t *testing.T) {
	a := tfmodel.Architecture{Name: "head", Input: tfmodel.Shape{6, 5, 3}, Layers: []tfmodel.Named{
		{Name: "conv5", Layer: &tfmodel.Conv2D{Filters: 4, Kernel: 3, Stride: 1, Padding: tfmodel.Same}},
		{Name: "relu5", Layer: &tfmodel.ReLU{}},
		{Name: "gap", Layer: &tfmodel.GlobalAveragePool2D{}},
		{Name: "fc", Layer: &tfmodel.Dense{Units: len(classes)}},
	}}
	dir := t.TempDir() + "/model"
	trainer := trained(t, a)
	export(t, trainer, dir, false)
	n, session := network(t, trainer)
	values, err := n.Values(t.Context(), session)
	if err != nil {
		t.Fatal(err)
	}
	kernel := values["fc/kernel"] // [4,3]
	weight := func(channel, class int) float64 { return float64(kernel[channel*len(classes)+class]) }

	b := open(t, dir)
	_, images := pixels(a, 3, 100)
	for i := range images.Pixels {
		images.Pixels[i] /= 100 // or the softmax saturates
	}
	targets := []int{0, 2, 1}
	logit := differentiate(t, b, images, targets, "conv5", explain.Logit)
	probability := differentiate(t, b, images, targets, "conv5", explain.Probability)
	for i, target := range targets {
		p := probability.Probabilities[i]
		var wantLogit, wantProbability []float32
		for range 6 * 5 {
			for channel := range 4 {
				w := weight(channel, target)
				wantLogit = append(wantLogit, float32(w/30))
				for class := range classes {
					w -= float64(p[class]) * weight(channel, class)
				}
				wantProbability = append(wantProbability, float32(float64(p[target])*w/30))
			}
		}
		near(t, fmt.Sprintf("image %d, logit", i), logit.Gradients[i].Values, wantLogit, 1e-5)
		near(t, fmt.Sprintf("image %d, probability", i), probability.Gradients[i].Values, wantProbability, 1e-4)
		if logit.Scores[i] != logit.Logits[i][target] || probability.Scores[i] != p[target] {
			t.Errorf("image %d: scores %g and %g, want %g and %g", i, logit.Scores[i], probability.Scores[i], logit.Logits[i][target], p[target])
		}
	}
}

// Everywhere else, by central differences of the score.
func TestGradientsByDifferences(t *testing.T) {
	b := open(t, exported(t))
	_, images := pixels(small(), 1, 100)
	for _, layer := range []string{explain.Image, "conv1", "bn1", "conv5", "pool5"} {
		for _, score := range []explain.Score{explain.Logit, explain.Probability} {
			d := differentiate(t, b, images, []int{explain.Predicted}, layer, score)
			checkByDifferences(t, b, images, d, layer, score)
		}
	}
}

// checkByDifferences nudges activations, some hundred of them, and runs the
// model on from there. It leaves out those that a ReLU has set to zero, where
// max pooling has its kinks; of the others a few may meet one by chance.
func checkByDifferences(t *testing.T, b *savedmodel.Bundle, images explain.Images, d explain.Differential, layer string, score explain.Score) {
	t.Helper()
	activations, gradients, target := d.Activations[0], d.Gradients[0].Values, d.Targets[0]
	scoreOf := func(i int, by float32) float64 {
		nudged := activations
		nudged.Values = slices.Clone(activations.Values)
		nudged.Values[i] += by
		p, err := b.PredictFrom(t.Context(), images, layer, []explain.Volume{nudged})
		if err != nil {
			t.Fatal(err)
		}
		if score == explain.Probability {
			return float64(p.Probabilities[0][target])
		}
		return float64(p.Logits[0][target])
	}
	var largest, size float64
	for i, v := range gradients {
		largest = max(largest, math.Abs(float64(v)))
		size = max(size, math.Abs(float64(activations.Values[i])))
	}
	h := float32(size / 6000)
	tried, apart := 0, 0
	for i := 0; i < len(gradients); i += max(1, len(gradients)/200) {
		if activations.Values[i] == 0 {
			continue
		}
		tried++
		numeric := (scoreOf(i, h) - scoreOf(i, -h)) / float64(2*h)
		if math.Abs(numeric-float64(gradients[i])) > 0.02*largest {
			apart++
		}
	}
	t.Logf("%s, %s: %d of %d apart by more than 2 %% of the largest, %.3g", layer, score, apart, tried, largest)
	if largest == 0 || tried < 50 || apart > tried/10 {
		t.Errorf("%s, %s: %d of %d gradients are not what differences give (largest %g)", layer, score, apart, tried, largest)
	}
}

func TestPredictedIsATarget(t *testing.T) {
	b := open(t, exported(t))
	_, images := pixels(small(), 4, 100)
	predicted := differentiate(t, b, images, []int{-1, -1, -1, -1}, "conv5", explain.Logit)
	for i, class := range predicted.Targets {
		if logits := predicted.Logits[i]; logits[class] != slices.Max(logits) || predicted.Scores[i] != logits[class] {
			t.Errorf("image %d: class %d at %g is explained, of logits %v", i, class, predicted.Scores[i], logits)
		}
	}
	same := differentiate(t, b, images, predicted.Targets, "conv5", explain.Logit)
	other := make([]int, 4)
	for i, class := range predicted.Targets {
		other[i] = (class + 1) % len(classes)
	}
	another := differentiate(t, b, images, other, "conv5", explain.Logit)
	if !slices.Equal(another.Targets, other) {
		t.Errorf("asked for %v, explained %v", other, another.Targets)
	}
	for i := range 4 {
		if !slices.Equal(same.Gradients[i].Values, predicted.Gradients[i].Values) {
			t.Errorf("image %d: naming the predicted class gives other gradients", i)
		}
		if slices.Equal(another.Gradients[i].Values, predicted.Gradients[i].Values) {
			t.Errorf("image %d: another class gives the same gradients", i)
		}
		if !slices.Equal(another.Activations[i].Values, predicted.Activations[i].Values) {
			t.Errorf("image %d: another class gives other activations", i)
		}
	}
}

func TestImagesOfABatchAreExplainedAlone(t *testing.T) {
	b := open(t, exported(t))
	_, images := pixels(small(), 3, 100)
	targets := []int{1, explain.Predicted, 0}
	all := differentiate(t, b, images, targets, "conv5", explain.Logit)
	size := len(images.Pixels) / images.N
	for i, target := range targets {
		one := images
		one.N, one.Pixels = 1, images.Pixels[i*size:(i+1)*size]
		d := differentiate(t, b, one, []int{target}, "conv5", explain.Logit)
		what := fmt.Sprintf("image %d alone", i)
		near(t, what+": activations", d.Activations[0].Values, all.Activations[i].Values, 1e-5)
		near(t, what+": gradients", d.Gradients[0].Values, all.Gradients[i].Values, 1e-5)
		near(t, what+": logits", d.Logits[0], all.Logits[i], 1e-5)
		if v := d.Activations[0]; v.Height != 12 || v.Width != 10 || v.Channels != 5 {
			t.Errorf("%s: the volume is %dx%dx%d", what, v.Height, v.Width, v.Channels)
		}
		if slices.Min(d.Activations[0].Values) < 0 {
			t.Errorf("%s: conv5 is not looked at after its ReLU", what)
		}
	}
}

func TestDifferentiateRefuses(t *testing.T) {
	b := open(t, exported(t))
	_, images := pixels(small(), 2, 100)
	narrow, cut, none := images, images, images
	narrow.Width = 9
	cut.Pixels = images.Pixels[1:]
	none.N, none.Pixels = 0, nil
	two := []int{0, 0}
	for what, test := range map[string]struct {
		images  explain.Images
		targets []int
		layer   string
		score   explain.Score
		words   []string
	}{
		"an unknown layer":    {images, two, "conv6", explain.Logit, []string{`no layer "conv6"`, "have conv1, relu1, bn1, conv5, relu5, pool5"}},
		"no map":              {images, two, "flatten", explain.Logit, []string{`layer "flatten" gives [100]`, "have conv1"}},
		"a class too high":    {images, []int{0, 3}, "conv5", explain.Logit, []string{"target class 3", "0 to 2", "-1 for the predicted"}},
		"a class too low":     {images, []int{-2, 0}, "conv5", explain.Logit, []string{"target class -2", "0 to 2"}},
		"one target":          {images, []int{0}, "conv5", explain.Logit, []string{"1 targets for 2 images"}},
		"another size":        {narrow, two, "conv5", explain.Logit, []string{"12x9x3", "takes 12x10x3"}},
		"a pixel short":       {cut, two, "conv5", explain.Logit, []string{"719 pixel values", "[2 12 10 3]"}},
		"no images":           {none, nil, "conv5", explain.Logit, []string{"0 pixel values"}},
		"an unknown score":    {images, two, "conv5", "margin", []string{`no score "margin"`, "logit, probability"}},
		"nothing for a score": {images, two, "conv5", "", []string{`no score ""`}},
	} {
		_, err := b.Differentiate(t.Context(), test.images, test.targets, test.layer, test.score)
		wantError(t, what, err, test.words...)
	}
	differentiate(t, b, images, two, "conv5", explain.Logit) // refusals leave it sound

	_, err := b.PredictFrom(t.Context(), images, "conv5", []explain.Volume{{Height: 12, Width: 10, Channels: 4, Values: make([]float32, 480)}})
	wantError(t, "activations of another layer", err, "12x10x4", "layer conv5", "[12,10,5]")
	_, err = b.PredictFrom(t.Context(), images, "conv5", []explain.Volume{{Height: 12, Width: 10, Channels: 5, Values: make([]float32, 599)}})
	wantError(t, "activations with one missing", err, "599 values", "12x10x5")
	_, err = b.PredictFrom(t.Context(), images, "conv6", nil)
	wantError(t, "from an unknown layer", err, `no layer "conv6"`)
}

// A server explains for many at once, and grows the graph on the way.
func TestBundleServesManyGoroutines(t *testing.T) {
	dir := exported(t)
	_, images := pixels(small(), 2, 100)
	type question struct {
		layer string
		score explain.Score
	}
	var questions []question
	want := map[question]explain.Differential{}
	alone := open(t, dir)
	for _, layer := range []string{"conv1", "bn1", "conv5", "pool5"} {
		for _, score := range []explain.Score{explain.Logit, explain.Probability} {
			q := question{layer, score}
			questions = append(questions, q)
			want[q] = differentiate(t, alone, images, []int{0, 1}, layer, score)
		}
	}
	for range 3 { // models, each of them grown by all at once
		b := open(t, dir)
		begin := make(chan bool)
		var all sync.WaitGroup
		for worker := range 4 {
			all.Go(func() {
				<-begin
				for i := range questions {
					q := questions[(i+worker*2)%len(questions)] // each begins elsewhere
					d, err := b.Differentiate(t.Context(), images, []int{0, 1}, q.layer, q.score)
					if err != nil {
						t.Errorf("%v: %v", q, err)
						return
					}
					for k := range d.Gradients {
						near(t, fmt.Sprintf("worker %d: %v", worker, q), d.Gradients[k].Values, want[q].Gradients[k].Values, 1e-6)
					}
					if _, err := b.Predict(t.Context(), images); err != nil {
						t.Error(err)
					}
				}
			})
		}
		close(begin)
		all.Wait()
	}
}
