package score_test

import (
	"context"
	"testing"

	"oscar/explain"
	"oscar/score"
)

// absent is a model that costs no time.
type absent struct{}

func (absent) Predict(_ context.Context, images explain.Images) (explain.Prediction, error) {
	rows := make([][]float32, images.N)
	for i := range rows {
		rows[i] = []float32{0.5, 0.5}
	}
	return explain.Prediction{Logits: rows, Probabilities: rows}, nil
}

// What a metric costs beside the model: one image of AlexNet's size, one map of
// its conv5's.
func BenchmarkMetrics(b *testing.B) {
	const size = 227
	s := score.Sample{Model: absent{}, Explainer: score.RandomMap{Cells: 13}, Maps: []explain.Grid{explain.NewGrid(13, 13)}}
	s.Images = explain.Images{N: 1, Height: size, Width: size, Channels: 3, Pixels: make([]float32, size*size*3)}
	for i := range s.Images.Pixels {
		s.Images.Pixels[i] = float32(i * i % 251)
	}
	for i := range s.Maps[0].Values {
		s.Maps[0].Values[i] = float32(i * 37 % 169)
	}
	s.Targets = []int{0}
	s.Masks = []score.Mask{{Height: size, Width: size, Inside: make([]bool, size*size)}}
	s.Masks[0].Inside[0] = true
	s.Quadrants = []score.Quadrants{{true, true, false, false}}
	s.Randomized = score.Cascade{Layers: []string{"logits"}, Explainer: func(int) (explain.Explainer, error) { return s.Explainer, nil }}
	done := map[string]bool{}
	for _, metric := range score.Metrics {
		if done[metric.Test] {
			continue
		}
		done[metric.Test] = true
		b.Run(metric.Test, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := metric.Judge(b.Context(), s, score.Settings{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
