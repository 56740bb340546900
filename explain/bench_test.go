package explain_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"oscar/explain"
)

// instant is a model that takes no time: what is left is the explainer's.
type instant struct{ gradients []float32 }

func (instant) Predict(_ context.Context, images explain.Images) (explain.Prediction, error) {
	p := explain.Prediction{Logits: make([][]float32, images.N), Probabilities: make([][]float32, images.N)}
	for i := range images.N {
		p.Logits[i] = images.Pixels[i*1000:][:6]
		p.Probabilities[i] = p.Logits[i]
	}
	return p, nil
}

func (m instant) Differentiate(ctx context.Context, images explain.Images, targets []int, _ string, _ explain.Score) (explain.Differential, error) {
	p, err := m.Predict(ctx, images)
	d := explain.Differential{Prediction: p, Targets: targets, Scores: make([]float32, images.N)}
	for range images.N {
		d.Gradients = append(d.Gradients, explain.Volume{Height: images.Height, Width: images.Width, Channels: images.Channels, Values: m.gradients})
	}
	return d, err
}

// large is one image of AlexNet's size.
func large() explain.Images {
	const side = 227
	images := explain.Images{N: 1, Height: side, Width: side, Channels: 3, Pixels: make([]float32, side*side*3)}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range images.Pixels {
		images.Pixels[i] = float32(i/4000%2*100 + r.IntN(60))
	}
	return images
}

// BenchmarkMethods is the time that each method takes beside the model's, for
// one image of 227x227 and, where it samples, 100 samples.
func BenchmarkMethods(b *testing.B) {
	images := large()
	model := instant{make([]float32, len(images.Pixels))}
	for _, method := range explain.Methods {
		e := method.New(model, explain.Options{Samples: 100})
		b.Run(method.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				must(b, e, images, 0)
			}
		})
	}
}

func BenchmarkSLIC(b *testing.B) {
	images := large()
	for b.Loop() {
		explain.SLIC{}.Segment(images)
	}
}

func BenchmarkAverage(b *testing.B) {
	var a explain.Averager
	g := explain.Grid{Height: 227, Width: 227, Values: large().Pixels[:227*227]}
	for b.Loop() {
		if err := a.Add(g); err != nil {
			b.Fatal(err)
		}
	}
}
