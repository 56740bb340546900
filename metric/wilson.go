package metric

import "math"

// z95 is the 97.5 % quantile of the standard normal distribution.
const z95 = 1.959963984540054

// Wilson95 returns the 95 % score interval of a proportion, 0 <= low <= high <= 1 (Wilson 1927, JASA
// 22:209-212). With p = successes/n and z = 1.96,
//
//	(p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n)
//
// Unlike p ± z·sqrt(p(1-p)/n) it is also valid for few images, and if none or all are right. It is 0
// and 1 for n = 0. successes is clipped to 0..n.
func Wilson95(successes, n int) (low, high float64) {
	if n <= 0 {
		return 0, 1
	}
	successes = min(max(successes, 0), n)
	count := float64(n)
	p := float64(successes) / count
	z2 := z95 * z95
	center := p + z2/(2*count)
	half := z95 * math.Sqrt(p*(1-p)/count+z2/(4*count*count))
	scale := 1 + z2/count
	low, high = (center-half)/scale, (center+half)/scale
	if successes == 0 {
		low = 0 // despite rounding
	}
	if successes == n {
		high = 1
	}
	return low, high
}
