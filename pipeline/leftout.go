package pipeline

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"oscar/dataset"
)

// How many files, and how many notes, of a kind are written out.
const mostNamed, mostAlike = 3, 5

// particular is what a reason says of one file alone: its first bytes, its size.
var particular = regexp.MustCompile(`\(.*\)|[0-9]+`)

// kindOf is a reason without that.
func kindOf(reason string) string { return particular.ReplaceAllString(reason, "") }

// LeftOut tells of files that could not be read, a line for each kind of reason:
// "left out: can/a.png, can/b.png and 7 more: empty file".
func LeftOut(problems []dataset.Problem) (lines []string) {
	var kinds []string
	alike := map[string][]dataset.Problem{}
	for _, p := range problems {
		kind := kindOf(p.Reason)
		if alike[kind] == nil {
			kinds = append(kinds, kind)
		}
		alike[kind] = append(alike[kind], p)
	}
	for _, kind := range kinds {
		group := alike[kind]
		var names []string
		for _, p := range group[:min(len(group), mostNamed)] {
			names = append(names, p.Path)
		}
		text := "left out: " + strings.Join(names, ", ")
		if more := len(group) - len(names); more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		reason := group[0].Reason
		if slices.ContainsFunc(group, func(p dataset.Problem) bool { return p.Reason != reason }) {
			reason = "the first is " + reason
		}
		lines = append(lines, text+": "+reason)
	}
	return lines
}

// Grouped is notes with at most five of a kind, which is what stands before the
// colon, and how many more there are.
func Grouped(notes []string) (lines []string) {
	seen := map[string]int{}
	last := map[string]int{} // the place of a kind's last line
	for _, text := range notes {
		kind, _, _ := strings.Cut(text, ": ")
		if seen[kind]++; seen[kind] > mostAlike {
			continue
		}
		last[kind] = len(lines)
		lines = append(lines, text)
	}
	for kind, n := range seen {
		if n > mostAlike {
			lines[last[kind]] += fmt.Sprintf("; and %d more like it", n-mostAlike)
		}
	}
	return lines
}

// problem is what a loader says of an item that it skips, which begins with the
// item's path.
func problem(item dataset.Item, err error) dataset.Problem {
	return dataset.Problem{Path: item.Path, Reason: strings.TrimPrefix(err.Error(), item.Path+": ")}
}

// notes writes several notes.
func (l Listener) notes(lines []string) {
	for _, text := range lines {
		l.note(text)
	}
}
