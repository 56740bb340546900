// Package named finds values by name. Its errors list the known names and
// suggest the nearest one.
package named

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Find returns the value of that name. If there is none, it returns an [Unknown] error.
func Find[T any](noun, name string, all []T, nameOf func(T) string) (T, error) {
	for _, v := range all {
		if nameOf(v) == name {
			return v, nil
		}
	}
	var none T
	return none, Unknown(noun, name, Names(all, nameOf))
}

// Names returns the name of each value.
func Names[T any](all []T, nameOf func(T) string) []string {
	names := make([]string, len(all))
	for i, v := range all {
		names[i] = nameOf(v)
	}
	return names
}

// Check returns nil if name is among the known names, else an [Unknown] error.
func Check[T ~string](noun string, name T, known []T) error {
	if slices.Contains(known, name) {
		return nil
	}
	return Unknown(noun, name, known)
}

// Unknown returns the error `no schedule "cosin" (cosine?); have constant,
// cosine`.
func Unknown[T ~string](noun string, name T, known []T) error {
	return fmt.Errorf("no %s %q%s; have %s", noun, name, Suggest(name, known), Join(known))
}

// Join joins names, such as "constant, cosine".
func Join[T ~string](names []T) string {
	words := make([]string, len(names))
	for i, name := range names {
		words[i] = string(name)
	}
	return strings.Join(words, ", ")
}

// Suggest returns " (cosine?)" if cosine is the [Nearest] name, or "" if there is none.
func Suggest[T ~string](name T, known []T) string {
	if i := Nearest(name, known); i >= 0 {
		return fmt.Sprintf(" (%s?)", known[i])
	}
	return ""
}

// Nearest returns the index of the most similar known name if it is similar, else of the only one
// that starts with the name if this has at least three letters. Otherwise it returns -1.
func Nearest[T ~string](name T, known []T) int {
	if len(known) == 0 {
		return -1
	}
	nearest, least := 0, math.MaxInt
	for i, k := range known {
		if d := distance(string(name), string(k)); d < least {
			nearest, least = i, d
		}
	}
	if least <= max(1, len(name)/3) {
		return nearest
	}
	longer := -1
	for i, k := range known {
		if len(name) > 2 && strings.HasPrefix(strings.ToLower(string(k)), strings.ToLower(string(name))) {
			if longer >= 0 {
				return -1
			}
			longer = i
		}
	}
	return longer
}

// distance returns the Levenshtein distance of two words without regard to case. Two neighbors in
// the wrong order are one change.
func distance(a, b string) int {
	a, b = strings.ToLower(a), strings.ToLower(b)
	above, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			change := row[j]
			if a[i] != b[j] {
				change++
			}
			next[j+1] = min(change, next[j]+1, row[j+1]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], above[j-1]+1)
			}
		}
		above, row, next = row, next, above
	}
	return row[len(b)]
}
