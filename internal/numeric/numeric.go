// Package numeric has small functions of numbers that several packages need.
package numeric

import "cmp"

// ArgMax returns the index of the largest value, the first of equal ones; 0 if there are none.
func ArgMax[T cmp.Ordered](values []T) int {
	best := 0
	for i, v := range values {
		if v > values[best] {
			best = i
		}
	}
	return best
}

// Finite reports whether all values are finite.
func Finite[T float32 | float64](values ...T) bool {
	for _, v := range values {
		if v-v != 0 {
			return false
		}
	}
	return true
}

// Float32s converts bytes, 0..255, to float32. dst is as long as src.
func Float32s(dst []float32, src []uint8) {
	dst = dst[:len(src)]
	for i, v := range src {
		dst[i] = float32(v)
	}
}
