package metric

import (
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Student95 returns the mean of values and its 95 % interval by Student's t with n-1 degrees of
// freedom (Student 1908, Biometrika 6:1), for approximately normal values. low and high are NaN for
// fewer than two values; the mean is NaN for none.
func Student95(values []float64) (mean, low, high float64) {
	n := len(values)
	if n == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	mean, variance := stat.MeanVariance(values, nil)
	if n < 2 {
		return mean, math.NaN(), math.NaN()
	}
	half := t975(float64(n-1)) * math.Sqrt(variance/float64(n))
	return mean, mean - half, mean + half
}

// t975 returns the 97.5 % quantile of Student's distribution.
func t975(freedom float64) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: freedom}.Quantile(0.975)
}

// A Spread is one source of the uncertainty of an estimate: an estimated variance
// with its degrees of freedom.
type Spread struct {
	Variance float64
	Freedom  float64
}

// PooledSpread returns the spread of mean(a) - mean(b) by the two-sample t test with pooled
// variance: freedom len(a) + len(b) - 2. It returns false if a or b has fewer than two values.
func PooledSpread(a, b []float64) (Spread, bool) {
	if len(a) < 2 || len(b) < 2 {
		return Spread{}, false
	}
	na, nb := float64(len(a)), float64(len(b))
	_, varA := stat.MeanVariance(a, nil)
	_, varB := stat.MeanVariance(b, nil)
	pooled := ((na-1)*varA + (nb-1)*varB) / (na + nb - 2)
	return Spread{pooled * (1/na + 1/nb), na + nb - 2}, true
}

// MeanSpread returns the spread of a mean. It returns false for fewer than two values.
func MeanSpread(values []float64) (Spread, bool) {
	if len(values) < 2 {
		return Spread{}, false
	}
	n := float64(len(values))
	_, variance := stat.MeanVariance(values, nil)
	return Spread{variance / n, n - 1}, true
}

// Half95 returns half of the 95 % interval of an estimate whose uncertainty is the sum of
// independent spreads: t sqrt(sum of variances), with the degrees of freedom of Welch and
// Satterthwaite (Satterthwaite 1946, Biometrics 2:110), (sum V)² / sum(V²/f). It is 0 if all
// variances are 0.
func Half95(spreads ...Spread) float64 {
	sum, weights := 0.0, 0.0
	for _, s := range spreads {
		sum += s.Variance
		weights += s.Variance * s.Variance / s.Freedom
	}
	if sum == 0 {
		return 0
	}
	return t975(sum*sum/weights) * math.Sqrt(sum)
}
