package explain_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"oscar/explain"
)

// few are options that keep the tests short.
var few = explain.Options{Samples: 30, Seed: 1, Batch: 8}

// forEachMethod runs a test on every line of the table.
func forEachMethod(t *testing.T, test func(t *testing.T, method explain.Entry)) {
	t.Parallel()
	if len(explain.Methods) == 0 {
		t.Fatal("the table of methods is empty")
	}
	for _, method := range explain.Methods {
		t.Run(method.Name, func(t *testing.T) { test(t, method) })
	}
}

// must explains images and wants one attribution an image.
func must(t testing.TB, e explain.Explainer, images explain.Images, targets ...int) []explain.Attribution {
	t.Helper()
	attributions, err := e.Explain(t.Context(), images, targets)
	if err != nil {
		t.Fatal(err)
	}
	if len(attributions) != images.N {
		t.Fatalf("%d attributions of %d images", len(attributions), images.N)
	}
	return attributions
}

func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, entry := range explain.Methods {
		if entry.Name == "" || entry.Paper == "" || entry.At == "" || entry.Needs == 0 || entry.New == nil {
			t.Errorf("entry %q lacks a name, a paper, a place, what it needs or a constructor", entry.Name)
		}
		if seen[entry.Name] {
			t.Errorf("two methods are called %q", entry.Name)
		}
		seen[entry.Name] = true
		if found, err := explain.Lookup(entry.Name); err != nil || found.Paper != entry.Paper {
			t.Errorf("Lookup(%q) = %v, %v", entry.Name, found, err)
		}
	}
	if _, err := explain.Lookup("rice"); err == nil || !strings.Contains(err.Error(), `no method "rice" (rise?); have saliency, `) {
		t.Errorf("Lookup of an unknown name: %v", err)
	}
}

func TestAttributionSaysWhatItIs(t *testing.T) {
	forEachMethod(t, func(t *testing.T, method explain.Entry) {
		// A model that can do only what the table says is needed.
		predicts := method.Needs&explain.Predicts != 0
		model := &fake{function: newNet(3), blind: predicts, deaf: !predicts}
		images := photos(1)
		a := must(t, method.New(model, few), images, 2)[0]
		score := model.logits(image64(images, 0))[2]
		if method.Score == explain.Probability {
			score = softmax(model.logits(image64(images, 0)))[2]
		}
		if a.Method != method.Name || a.Layer != explain.Image || a.Target != 2 || a.Score != float32(score) || len(a.Probabilities) != 3 {
			t.Errorf("method %q, layer %q, target %d, score %v, %d probabilities; want %q, %q, 2, %v, 3",
				a.Method, a.Layer, a.Target, a.Score, len(a.Probabilities), method.Name, explain.Image, score)
		}
		if a.Map.Height != high || a.Map.Width != wide || len(a.Map.Values) != high*wide {
			t.Errorf("the map is %dx%d, %d values; want %dx%d", a.Map.Height, a.Map.Width, len(a.Map.Values), high, wide)
		}
		if a.Status != explain.OK {
			t.Errorf("status %s", a.Status)
		}
		for name, fact := range a.Facts {
			if name == "" || math.IsNaN(fact) || math.IsInf(fact, 0) {
				t.Errorf("fact %q is %v", name, fact)
			}
		}
	})
}

func TestSignedIsAsTheTableSays(t *testing.T) {
	forEachMethod(t, func(t *testing.T, method explain.Entry) {
		low := float32(0)
		for target := range 3 {
			a := must(t, method.New(&fake{function: newNet(3)}, few), photos(1), target)[0]
			least, _ := a.Map.Range()
			low = min(low, least)
		}
		if method.Signed != (low < 0) || method.NonNegative == method.Signed {
			t.Errorf("the least value is %v, but the table has Signed: %v, NonNegative: %v", low, method.Signed, method.NonNegative)
		}
	})
}

func TestBatchOfNEqualsNOfOne(t *testing.T) {
	forEachMethod(t, func(t *testing.T, method explain.Entry) {
		options := few
		options.Batch = 4 // 7 images do not fill their batches, nor do 30 samples
		e := method.New(&fake{function: newNet(3)}, options)
		images, targets := photos(7), []int{0, 1, 2, explain.Predicted, 0, 1, 2}
		together := must(t, e, images, targets...)
		for i := images.N - 1; i >= 0; i-- {
			alone := must(t, e, only(images, i), targets[i])[0]
			if !same(alone.Map, together[i].Map) || alone.Target != together[i].Target || alone.Score != together[i].Score {
				t.Errorf("image %d of a batch has another map than alone", i)
			}
		}
	})
}

func TestOtherTargetOtherMap(t *testing.T) {
	forEachMethod(t, func(t *testing.T, method explain.Entry) {
		e := method.New(&fake{function: newNet(3)}, few)
		if same(must(t, e, photos(1), 0)[0].Map, must(t, e, photos(1), 1)[0].Map) {
			t.Error("two targets have the same map")
		}
	})
}

// The predicted class is that of the image, not of each of its variants.
func TestPredictedIsSettledOnTheImage(t *testing.T) {
	forEachMethod(t, func(t *testing.T, method explain.Entry) {
		l := newLinear(3)
		images := photos(1)
		// Class 0 wins by a hair, so that many a variant is of another class.
		logits := l.logits(image64(images, 0))
		l.bias = []float64{0.01 - logits[0], -logits[1], -logits[2]}
		e := method.New(&fake{function: l}, few)
		asked, given := must(t, e, images, explain.Predicted)[0], must(t, e, images, 0)[0]
		if asked.Target != 0 || !same(asked.Map, given.Map) {
			t.Errorf("target %d, the map of the predicted class is not that of class 0", asked.Target)
		}
	})
}

func TestSeed(t *testing.T) {
	forEachMethod(t, func(t *testing.T, method explain.Entry) {
		maps := make([]explain.Grid, 3)
		for i, seed := range []uint64{1, 1, 2} {
			options := few
			options.Seed = seed
			maps[i] = must(t, method.New(&fake{function: newNet(3)}, options), photos(1), 0)[0].Map
		}
		if !same(maps[0], maps[1]) {
			t.Error("one seed gave two maps")
		}
		if same(maps[0], maps[2]) == method.Stochastic {
			t.Errorf("the table has Stochastic: %v; another seed gave the same map: %v", method.Stochastic, !method.Stochastic)
		}
	})
}

func TestBatchSizeDoesNotMatter(t *testing.T) {
	forEachMethod(t, func(t *testing.T, method explain.Entry) {
		var first explain.Grid
		for i, batch := range []int{1, 7, 0} {
			options := few
			options.Batch = batch
			got := must(t, method.New(&fake{function: newNet(3)}, options), photos(2), 0, 1)[1].Map
			if i == 0 {
				first = got
			} else if !same(first, got) {
				t.Errorf("batches of %d gave another map than those of 1", batch)
			}
		}
	})
}

func TestScoreMatters(t *testing.T) {
	forEachMethod(t, func(t *testing.T, method explain.Entry) {
		if method.Needs&explain.Propagates != 0 {
			return // relevance distributes the logit
		}
		var maps []explain.Grid
		for _, score := range []explain.Score{explain.Logit, explain.Probability} {
			options := few
			options.Score = score
			maps = append(maps, must(t, method.New(&fake{function: newNet(3)}, options), photos(1), 0)[0].Map)
		}
		if same(maps[0], maps[1]) {
			t.Error("logit and probability have the same map")
		}
		options := few
		options.Score = "loss"
		if _, err := method.New(&fake{function: newNet(3)}, options).Explain(t.Context(), photos(1), []int{0}); err == nil || !strings.Contains(err.Error(), `no score "loss"`) {
			t.Errorf("an unknown score: %v", err)
		}
	})
}

func TestInputsUntouched(t *testing.T) {
	forEachMethod(t, func(t *testing.T, method explain.Entry) {
		images, targets := photos(3), []int{0, explain.Predicted, 2}
		before := slices.Clone(images.Pixels)
		must(t, method.New(&fake{function: newNet(3)}, few), images, targets...)
		if !slices.Equal(images.Pixels, before) || !slices.Equal(targets, []int{0, explain.Predicted, 2}) {
			t.Error("the explainer changed its input")
		}
	})
}

func TestModelSeesBoundedBatches(t *testing.T) {
	forEachMethod(t, func(t *testing.T, method explain.Entry) {
		for _, batch := range []int{0, 5} {
			options := explain.Options{Samples: 90, Batch: batch}
			most := batch
			if batch == 0 {
				most = explain.DefaultBatch
			}
			model := &fake{function: newLinear(2)}
			images := photos(most + 2)
			must(t, method.New(model, options), images, make([]int, images.N)...)
			if got := slices.Max(model.batches); got != most {
				t.Errorf("with batch %d the model saw %d images at once, want %d", batch, got, most)
			}
			// Two runs of originals, and one buffer for all variants.
			if len(model.buffers) > 3 {
				t.Errorf("with batch %d the variants lay in %d buffers, want one", batch, len(model.buffers)-2)
			}
		}
	})
}

func TestProgress(t *testing.T) {
	forEachMethod(t, func(t *testing.T, method explain.Entry) {
		var done []int
		total := 0
		options := few
		options.Progress = func(d, n int) { done, total = append(done, d), n }
		model := &fake{function: newLinear(2)}
		must(t, method.New(model, options), photos(3), 0, 0, 0)
		if len(done) != len(model.batches) || done[len(done)-1] != total || !slices.IsSorted(done) || total != model.seen() {
			t.Errorf("progress %v of %d after %d batches of %d images", done, total, len(model.batches), model.seen())
		}
	})
}

func TestCancellation(t *testing.T) {
	forEachMethod(t, func(t *testing.T, method explain.Entry) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		options := few
		options.Progress = func(done, _ int) { cancel() }
		options.Batch = 1
		model := &fake{function: newLinear(2)}
		_, err := method.New(model, options).Explain(ctx, photos(2), []int{0, 0})
		if !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), method.Name) {
			t.Errorf("canceled during the work: error %v", err)
		}
		if len(model.batches) != 1 {
			t.Errorf("the model was asked %d times, the last after the cancellation", len(model.batches))
		}
	})
}

func TestStatus(t *testing.T) {
	forEachMethod(t, func(t *testing.T, method explain.Entry) {
		ignorant := linear{weights: [][]float64{make([]float64, high*wide*3), make([]float64, high*wide*3)}}
		if a := must(t, method.New(&fake{function: ignorant}, few), photos(1), 0)[0]; a.Status != explain.Empty && !method.Relative {
			t.Errorf("of a model that looks at nothing: status %s, want %s", a.Status, explain.Empty)
		}

		images := photos(1)
		images.Pixels[100] = nan
		if a := must(t, method.New(&fake{function: newNet(2)}, few), images, 0)[0]; a.Status != explain.NonFinite {
			t.Errorf("of an image with a NaN: status %s, want %s", a.Status, explain.NonFinite)
		}
		images.Pixels[100] = inf
		must(t, method.New(&fake{function: newNet(2)}, few), images, 0) // no panic
	})
}

func TestConstantStatus(t *testing.T) {
	even := linear{weights: [][]float64{make([]float64, high*wide*3)}}
	for i := range even.weights[0] {
		even.weights[0][i] = 1
	}
	gray := photos(1)
	for i := range gray.Pixels {
		gray.Pixels[i] = 8
	}
	model := &fake{function: even}
	for _, e := range []explain.Explainer{
		explain.Saliency{Model: model}, explain.GradientTimesInput{Model: model},
		explain.SmoothGrad{Model: model}, explain.IntegratedGradients{Model: model, Steps: 1},
		explain.RISE{Model: model, Open: 1, Samples: 3},
	} {
		if a := must(t, e, gray, 0)[0]; a.Status != explain.Constant {
			t.Errorf("%T of an even model and image: status %s, want %s", e, a.Status, explain.Constant)
		}
	}
}

func TestNoImages(t *testing.T) {
	forEachMethod(t, func(t *testing.T, method explain.Entry) {
		must(t, method.New(&fake{function: newLinear(2)}, few), explain.Images{})
	})
}

func TestRefusals(t *testing.T) {
	forEachMethod(t, func(t *testing.T, method explain.Entry) {
		model := &fake{function: newLinear(2)}
		short := photos(1)
		short.Pixels = short.Pixels[1:]
		negative := explain.Images{N: 1, Height: -1, Width: -1, Channels: 1, Pixels: make([]float32, 1)}
		for _, test := range []struct {
			name    string
			model   explain.Model
			options explain.Options
			images  explain.Images
			targets []int
			want    string
		}{
			{"no model", nil, few, photos(1), []int{0}, "no model"},
			{"too few targets", model, few, photos(2), []int{0}, "1 targets for 2 images"},
			{"too few pixels", model, few, short, []int{0}, "539 pixel values for images of shape [1,12,15,3]"},
			{"a negative size", model, few, negative, []int{0}, "1 pixel values for images of shape [1,-1,-1,1]"},
			{"no such class", model, few, photos(1), []int{2}, "target class 2"},
			{"a negative class", model, few, photos(1), []int{-2}, "target class -2"},
			{"a negative batch", model, explain.Options{Batch: -1}, photos(1), []int{0}, "batch is -1"},
			{"a broken model", broken{}, few, photos(1), []int{0}, "out of order"},
			{"a model without answers", mute{}, few, photos(1), []int{0}, "the model gave 0"},
		} {
			_, err := method.New(test.model, test.options).Explain(t.Context(), test.images, test.targets)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), method.Name) {
				t.Errorf("%s: error %v, want one of %s that has %q", test.name, err, method.Name, test.want)
			}
		}
	})
}

func TestRefusedFields(t *testing.T) {
	model := &fake{function: newLinear(2)}
	for _, e := range []explain.Explainer{
		explain.SmoothGrad{Model: model, Samples: -1},
		explain.IntegratedGradients{Model: model, Steps: -3},
		explain.Occlusion{Model: model, Patch: -1},
		explain.Occlusion{Model: model, Patch: 4, Stride: 5},
		explain.Occlusion{Model: model, Stride: -1},
		explain.RISE{Model: model, Samples: -1},
		explain.RISE{Model: model, Cells: -1},
		explain.RISE{Model: model, Open: 1.5},
		explain.LIME{Model: model, Samples: -1},
		explain.LIME{Model: model, Width: -1},
		explain.LIME{Model: model, Alpha: -1},
		explain.LIME{Model: model, Segment: func(explain.Images) explain.Segmentation { return explain.Segmentation{} }},
	} {
		if _, err := e.Explain(t.Context(), photos(1), []int{0}); err == nil || !strings.Contains(err.Error(), "want") && !strings.Contains(err.Error(), "segmentation") {
			t.Errorf("%#v: error %v", e, err)
		}
	}
}

// broken is a model that fails.
type broken struct{}

func (broken) Predict(context.Context, explain.Images) (explain.Prediction, error) {
	return explain.Prediction{}, errors.New("out of order")
}

func (broken) Differentiate(context.Context, explain.Images, []int, string, explain.Score) (explain.Differential, error) {
	return explain.Differential{}, errors.New("out of order")
}

// mute is a model that answers nothing.
type mute struct{}

func (mute) Predict(context.Context, explain.Images) (explain.Prediction, error) {
	return explain.Prediction{}, nil
}

func (mute) Differentiate(context.Context, explain.Images, []int, string, explain.Score) (explain.Differential, error) {
	return explain.Differential{}, nil
}
