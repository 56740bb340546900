package metric

import "cmp"

// Argmax returns the index of the largest value, the first of equal ones. It is 0 if there are no
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
