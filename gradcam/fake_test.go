package gradcam_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"oscar/explain"
)

// fake is a model whose activations and gradients are given. It counts its
// runs, and says what it was asked.
type fake struct {
	activations, gradients []explain.Volume

	runs  int
	layer string
	score explain.Score
}

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

// noise is a volume of normal values.
func noise(r *rand.Rand, height, width, channels int) explain.Volume {
	v := explain.Volume{Height: height, Width: width, Channels: channels, Values: make([]float32, height*width*channels)}
	for i := range v.Values {
		v.Values[i] = float32(r.NormFloat64())
	}
	return v
}

func images(n int) explain.Images { return explain.Images{N: n, Height: 1, Width: 1, Channels: 3} }
