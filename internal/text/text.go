// Package text writes numbers and lists for people.
package text

import "fmt"

// Count returns "1 file" or "2 files" for the noun "file".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
