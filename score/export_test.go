package score

import (
	"math/rand/v2"

	"oscar/explain"
)

// Drawn lets a test say which changes the images take, one after another.
func (n Infidelity) Drawn(changes []func(image, out, weights []float32)) Infidelity {
	k := 0
	n.Samples = len(changes)
	n.change = func(_ *rand.Rand, image, out, weights []float32) {
		changes[k](image, out, weights)
		k = (k + 1) % len(changes)
	}
	return n
}

// Drawn lets a test say which noise is added, draw by draw.
func (n Sensitivity) Drawn(noise [][]float32) Sensitivity {
	n.Samples = len(noise)
	n.noise = func(k int, out []float32) { copy(out, noise[k]) }
	return n
}

// Impute fills the removed positions of a copy of an image.
func Impute(image []float32, height, width int, removed []int, tolerance float64) []float32 {
	out := append([]float32(nil), image...)
	newImputer(height, width, tolerance).fill(out, removed)
	return out
}

// Blur is what insertion starts from.
func Blur(image []float32, height, width, kernel int, sigma float64, outside []float32) []float32 {
	return blur(image, height, width, blurKernel(kernel, sigma), outside)
}

// Descending is the ranking of a map's positions.
func Descending(g explain.Grid) []int { return descending(g) }

// MinMax scales a map to 0..1.
func MinMax(g explain.Grid) explain.Grid { return minMax(g) }

// InfidelityOf is the formula on its own.
func InfidelityOf(products, losses []float64, scaled bool) float64 {
	return infidelity(products, losses, scaled)
}
