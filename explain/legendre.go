package explain

import "math"

// gaussLegendre gives the n places and weights that integrate polynomials up to
// degree 2n-1 over 0..1 exactly: the zeros z of the Legendre polynomial P_n, by
// Newton's method, moved from -1..1, and 1 / ((1-z^2) P_n'(z)^2). The places
// ascend.
func gaussLegendre(n int) (at, weights []float64) {
	n = max(n, 0)
	at, weights = make([]float64, n), make([]float64, n)
	for i := range n {
		z := -math.Cos(math.Pi * (float64(i) + 0.75) / (float64(n) + 0.5))
		var slope float64
		for range 100 {
			p, before := 1.0, 0.0 // P_k and P_(k-1)
			for k := 1.0; k <= float64(n); k++ {
				p, before = ((2*k-1)*z*p-(k-1)*before)/k, p
			}
			slope = float64(n) * (z*p - before) / (z*z - 1)
			step := p / slope
			z -= step
			if math.Abs(step) < 1e-15 {
				break
			}
		}
		at[i] = (1 + z) / 2
		weights[i] = 1 / ((1 - z*z) * slope * slope)
	}
	return at, weights
}
