package gradcam_test

import (
	"math/rand/v2"
	"testing"

	"oscar/explain"
	"oscar/gradcam"
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
