package dataset

import "math/bits"

// Order returns the order in which an epoch visits n items: a permutation of 0 ... n-1 that depends
// only on (n, seed, epoch), on any machine and in any version of Go. It is nil if n is not positive.
func Order(n int, seed uint64, epoch int) []int {
	if n <= 0 {
		return nil
	}
	r := newRandom(seed, uint64(epoch))
	order := make([]int, n)
	for i := range order { // Fisher-Yates, inside out
		j := r.intn(i + 1)
		order[i] = order[j]
		order[j] = i
	}
	return order
}

// A random is a SplitMix64 generator (Steele, Lea, Flood 2014). It must never change, because draws
// must be repeatable.
type random struct{ state uint64 }

// newRandom returns a generator that is independent of those with other keys.
func newRandom(keys ...uint64) *random {
	r := &random{}
	for _, key := range keys {
		r.state = r.next() ^ key
	}
	r.state = r.next()
	return r
}

func (r *random) next() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// intn returns a number from 0 to n-1; n must be positive.
func (r *random) intn(n int) int {
	high, _ := bits.Mul64(r.next(), uint64(n))
	return int(high)
}

// uniform returns a number in [low, high).
func (r *random) uniform(low, high float64) float64 {
	return low + float64((high-low)*(float64(r.next()>>11)/(1<<53)))
}
