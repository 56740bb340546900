package dataset

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// MostAlike is the maximum number of notes of a kind that are shown, maxNamed that of files.
const (
	MostAlike = 5
	maxNamed  = 3
)

// perFileDetail matches the parts of a reason that differ between files: first bytes, sizes.
var perFileDetail = regexp.MustCompile(`\(.*\)|[0-9]+`)

// ReasonKind returns a reason without the parts that differ between files.
func ReasonKind(reason string) string { return perFileDetail.ReplaceAllString(reason, "") }

// LeftOut describes files that could not be read, a line for each kind of reason:
// "left out: can/a.png, can/b.png and 7 more: empty file".
func LeftOut(problems []Problem) (lines []string) {
	var kinds []string
	alike := map[string][]Problem{}
	for _, p := range problems {
		kind := ReasonKind(p.Reason)
		if alike[kind] == nil {
			kinds = append(kinds, kind)
		}
		alike[kind] = append(alike[kind], p)
	}
	for _, kind := range kinds {
		group := alike[kind]
		var names []string
		for _, p := range group[:min(len(group), maxNamed)] {
			names = append(names, p.Path)
		}
		text := "left out: " + strings.Join(names, ", ")
		if more := len(group) - len(names); more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		reason := group[0].Reason
		if slices.ContainsFunc(group, func(p Problem) bool { return p.Reason != reason }) {
			reason = "the first is " + reason
		}
		lines = append(lines, text+": "+reason)
	}
	return lines
}

// Grouped returns at most five notes of a kind, and the number of the others. The kind of a
// note is its text before the colon.
func Grouped(notes []string) (lines []string) {
	seen := map[string]int{}
	last := map[string]int{} // index of a kind's last line
	for _, text := range notes {
		kind, _, _ := strings.Cut(text, ": ")
		if seen[kind]++; seen[kind] > MostAlike {
			continue
		}
		last[kind] = len(lines)
		lines = append(lines, text)
	}
	for kind, n := range seen {
		if n > MostAlike {
			lines[last[kind]] += fmt.Sprintf("; and %d more like it", n-MostAlike)
		}
	}
	return lines
}
