// Package text writes numbers and lists for people.
package text

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Count returns "1 file" or "2 files" for the noun "file", and "2 classes" for "class".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if strings.HasSuffix(noun, "s") {
		noun += "e"
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Counts returns "3 ok, 1 empty": the numbers with their keys, the largest first.
func Counts(numbers map[string]int) string {
	keys := slices.SortedFunc(maps.Keys(numbers), func(a, b string) int { return cmp.Or(numbers[b]-numbers[a], cmp.Compare(a, b)) })
	for i, k := range keys {
		keys[i] = fmt.Sprintf("%d %s", numbers[k], k)
	}
	return strings.Join(keys, ", ")
}
