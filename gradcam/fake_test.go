package gradcam_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"oscar/explain"
)

// fake is a model whose activations and gradients are given. It counts its
// runs, and says what it was asked. Of a masked image it says see's number for
// every class, of activations head's; without them, what these add up to.
type fake struct {
	activations, gradients []explain.Volume
	see                    func(pixels []float32) float32
	head                   func(explain.Volume) float32

	runs    int // of Differentiate
	batches []int
	layer   string
	score   explain.Score
}

const fakeClasses = 5

func (f *fake) Differentiate(_ context.Context, images explain.Images, targets []int, layer string, score explain.Score) (explain.Differential, error) {
	f.runs++
	f.layer, f.score = layer, score
	if layer == "none" {
		return explain.Differential{}, fmt.Errorf("no layer %q; have conv5", layer)
	}
	d := explain.Differential{
		Targets:     slices.Clone(targets),
		Scores:      make([]float32, images.N),
		Activations: f.activations,
		Gradients:   f.gradients,
	}
	for i := range targets {
		if targets[i] == explain.Predicted {
			d.Targets[i] = 4
		}
		d.Scores[i] = float32(d.Targets[i]) + 0.5
	}
	return d, nil
}

func (f *fake) Predict(_ context.Context, images explain.Images) (explain.Prediction, error) {
	f.batches = append(f.batches, images.N)
	if f.see == nil {
		f.see = sum
	}
	var p explain.Prediction
	for pixels := range slices.Chunk(images.Pixels, len(images.Pixels)/images.N) {
		p.Logits = append(p.Logits, slices.Repeat([]float32{f.see(pixels)}, fakeClasses))
	}
	return p, nil
}

func (f *fake) PredictFrom(_ context.Context, _ explain.Images, layer string, activations []explain.Volume) (explain.Prediction, error) {
	f.batches = append(f.batches, len(activations))
	f.layer = layer
	if f.head == nil {
		f.head = func(v explain.Volume) float32 { return sum(v.Values) }
	}
	var p explain.Prediction
	for _, a := range activations {
		p.Logits = append(p.Logits, slices.Repeat([]float32{f.head(a)}, fakeClasses))
	}
	return p, nil
}

func sum(values []float32) (total float32) {
	for _, v := range values {
		total += v
	}
	return total
}

// noise is a volume of normal values.
func noise(r *rand.Rand, height, width, channels int) explain.Volume {
	v := volume(height, width, channels)
	for i := range v.Values {
		v.Values[i] = float32(r.NormFloat64())
	}
	return v
}

func volume(height, width, channels int) explain.Volume {
	return explain.Volume{Height: height, Width: width, Channels: channels, Values: make([]float32, height*width*channels)}
}

// images are n pictures of 1x1.
func images(n int) explain.Images {
	return explain.Images{N: n, Height: 1, Width: 1, Channels: 3, Pixels: make([]float32, 3*n)}
}

// photos are n pictures of random pixels.
func photos(r *rand.Rand, n, height, width int) explain.Images {
	images := explain.Images{N: n, Height: height, Width: width, Channels: 3, Pixels: make([]float32, n*height*width*3)}
	for i := range images.Pixels {
		images.Pixels[i] = float32(r.IntN(256))
	}
	return images
}
