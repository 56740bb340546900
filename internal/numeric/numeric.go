// Package numeric holds small functions of numbers that several packages need.
package numeric

import "cmp"

// ArgMax is the index of the largest value, the first of equal ones; 0 of none.
func ArgMax[T cmp.Ordered](values []T) int {
	best := 0
	for i, v := range values {
		if v > values[best] {
			best = i
		}
	}
	return best
}

// Finite reports whether no value is NaN or infinite.
func Finite[T float32 | float64](values ...T) bool {
	for _, v := range values {
		if v-v != 0 {
			return false
		}
	}
	return true
}

// Float32s writes bytes as float32, 0..255, to dst, which is as long as src.
func Float32s(dst []float32, src []uint8) {
	dst = dst[:len(src)]
	for i, v := range src {
		dst[i] = float32(v)
	}
}
