package gradcam_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"oscar/explain"
	"oscar/gradcam"
	"oscar/internal/reference"
)

// BenchmarkMethod is of AlexNet's conv5, for images of 227x227. The model's own
// time is left out: Score-CAM's and Ablation-CAM's answers at once.
func BenchmarkMethod(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	view := gradcam.View{
		Image:       photos(r, 1, 227, 227),
		Activations: noise(r, 13, 13, 256),
		Gradients:   noise(r, 13, 13, 256),
		Value:       1,
	}
	model := &fake{
		see:  func([]float32) float32 { return 0 },
		head: func(explain.Volume) float32 { return 0 },
	}
	for _, entry := range gradcam.Methods {
		b.Run(entry.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				run(b, entry, model, view)
			}
		})
	}
}

// BenchmarkExplain is Grad-CAM of AlexNet02, the model's time included, for a
// batch of 32 images in memory.
func BenchmarkExplain(b *testing.B) {
	const batch = 32
	model := reference.Open(b, "AlexNet02")
	images := reference.Images("AlexNet02", 1)
	images.N, images.Pixels = batch, slices.Repeat(images.Pixels, batch)
	explainer := gradcam.Explainer{Model: model.Bundle, Layer: "conv5"}
	targets := slices.Repeat([]int{explain.Predicted}, batch)
	for b.Loop() {
		if _, err := explainer.Explain(b.Context(), images, targets); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(batch*b.N)/b.Elapsed().Seconds(), "images/s")
}
