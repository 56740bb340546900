package metric

import "math"

// McNemar returns the two-sided p-value of the exact test that two classifiers are right equally
// often (McNemar 1947, Psychometrika 12:153). onlyA and onlyB are the numbers of images for which
// only one of the two is right:
//
//	p = min(1, 2 P(X <= min(onlyA, onlyB))),  X ~ Binomial(onlyA + onlyB, 1/2)
//
// p is 1 if there are no such images. Counts below 0 count as 0.
func McNemar(onlyA, onlyB int) float64 {
	onlyA, onlyB = max(onlyA, 0), max(onlyB, 0)
	n := onlyA + onlyB
	logFactorial := func(k int) float64 {
		v, _ := math.Lgamma(float64(k) + 1)
		return v
	}
	tail := 0.0
	for k := range min(onlyA, onlyB) + 1 {
		tail += math.Exp(logFactorial(n) - logFactorial(k) - logFactorial(n-k) - float64(n)*math.Ln2)
	}
	return min(1, 2*tail)
}
