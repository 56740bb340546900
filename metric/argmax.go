package metric

import "cmp"

// Argmax returns the index of the largest value, the first among equals; 0 of no
// values.
func Argmax[T cmp.Ordered](values []T) int {
	at := 0
	for i, v := range values {
		if v > values[at] {
			at = i
		}
	}
	return at
}
