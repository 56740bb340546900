package dataset

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"oscar/internal/text"
)

// GroupByNearDuplicates is the rule of NearDuplicates.
const GroupByNearDuplicates = "near_duplicates"

// A Grouping lists images that must be in the same part of a split.
type Grouping struct {
	By       string     `json:"by"`                 // see Folder.Group
	Distance *int       `json:"distance,omitempty"` // maximum distance of near duplicates
	Groups   [][]string `json:"groups"`             // paths of two or more images, sorted
}

// IsGroupFile reports whether the rule of a Grouping is the name of a table.
func IsGroupFile(by string) bool { return strings.EqualFold(filepath.Ext(by), ".csv") }

// CheckGroupRule returns an error for a rule that Folder.Group cannot read.
func CheckGroupRule(by string) error {
	if by == "" || by == GroupByNearDuplicates || IsGroupFile(by) {
		return nil
	}
	if _, err := regexp.Compile(by); err != nil {
		return fmt.Errorf("groups %q is neither near_duplicates nor a file FILE.csv nor a regular expression: %w", by, err)
	}
	return nil
}

// Group sets the folder's Grouping, which NewSplit respects. The rule by is one of
//
//   - GroupByNearDuplicates: images that look alike, at most distance apart;
//   - FILE.csv: a table with the columns "path", as Item.Path, and "group";
//   - a regular expression of Go's syntax, searched for in Item.Path: images whose
//     captures are the same, or whose matches if it captures nothing.
//
// An image without a group is a group by itself. Images with the same content, and their
// groups, are always joined. An empty rule means none. The group column of
// a table applies with any rule; its name is also a rule.
func (f *Folder) Group(ctx context.Context, by string, distance int, opts ScanOptions) error {
	rules := by
	if f.groups != nil {
		if by == f.groupBy {
			by = ""
		}
		rules = strings.Trim("column "+f.groupBy+", "+by, ", ")
	}
	if err := CheckGroupRule(by); err != nil || rules == "" {
		return err
	}
	g := &Grouping{By: rules, Groups: [][]string{}}
	sets := newSets(len(f.Items))
	f.joinColumn(sets)
	var notes []string
	var err error
	switch {
	case by == "":
	case by == GroupByNearDuplicates:
		g.Distance = &distance
		notes, err = f.joinNearDuplicates(ctx, sets, distance, opts)
	case IsGroupFile(by):
		notes, err = f.joinListed(sets, by, opts.Limits)
	default:
		notes, err = f.joinMatching(sets, regexp.MustCompile(by))
	}
	if err != nil {
		return err
	}
	f.joinSame(sets)
	images := 0
	for _, members := range sets.groups() {
		paths := make([]string, len(members))
		for k, i := range members {
			paths[k] = f.Items[i].Path
		}
		g.Groups = append(g.Groups, paths)
		images += len(paths)
	}
	notes = append(notes, fmt.Sprintf("groups: %s in %s, each kept in one part; split.json lists them",
		text.Count(images, "image"), text.Count(len(g.Groups), "group")))
	f.Grouping = g
	f.Notes = append(f.Notes, notes...)
	return nil
}

// joinColumn joins images by the group column of a table.
func (f *Folder) joinColumn(s sets) {
	first := map[string]int32{}
	for i, name := range f.groups {
		if name == "" {
			continue
		}
		if j, known := first[name]; known {
			s.join(j, int32(i))
		} else {
			first[name] = int32(i)
		}
	}
}

// joinSame joins images with the same content.
func (f *Folder) joinSame(s sets) {
	first := map[string]int32{}
	for i, item := range f.Items {
		if j, known := first[item.SHA256]; known {
			s.join(j, int32(i))
		} else {
			first[item.SHA256] = int32(i)
		}
	}
}

// joinNearDuplicates joins near duplicates. It adds a note for groups with several classes, whose
// labels may be wrong.
func (f *Folder) joinNearDuplicates(ctx context.Context, s sets, distance int, opts ScanOptions) (notes []string, err error) {
	near, err := f.NearDuplicates(ctx, distance, opts)
	if err != nil {
		return nil, err
	}
	place := make(map[string]int32, len(f.Items))
	for i, item := range f.Items {
		place[item.Path] = int32(i)
	}
	for _, group := range near {
		classes, contents := map[int]bool{}, map[string]bool{}
		var paths []string
		for _, image := range group {
			s.join(place[group[0].Path], place[image.Path])
			classes[image.Class], contents[image.SHA256] = true, true
			paths = append(paths, image.Path)
		}
		if len(classes) > 1 && len(contents) > 1 { // a single content is a label conflict, which Scan notes
			notes = append(notes, "near duplicates in more than one class: "+few(paths))
		}
	}
	return notes, nil
}

// joinMatching joins images with the same match of a regular expression in their paths.
func (f *Folder) joinMatching(s sets, re *regexp.Regexp) (notes []string, err error) {
	first := map[string]int32{}
	unmatched := 0
	for i, item := range f.Items {
		match := re.FindStringSubmatch(item.Path)
		if match == nil {
			unmatched++
			continue
		}
		if len(match) > 1 {
			match = match[1:]
		}
		name := strings.Join(match, "\x00")
		if j, known := first[name]; known {
			s.join(j, int32(i))
		} else {
			first[name] = int32(i)
		}
	}
	switch {
	case unmatched == len(f.Items):
		return nil, fmt.Errorf("groups: the regular expression %q matches no path, for example %q", re, f.Items[0].Path)
	case unmatched > 0:
		notes = append(notes, fmt.Sprintf("groups: %q does not match %s: each is a group by itself", re, text.Count(unmatched, "path")))
	}
	return notes, nil
}

// joinListed joins images by a table.
func (f *Folder) joinListed(s sets, path string, limits Limits) (notes []string, err error) {
	b, err := readFile(path, nil, limits)
	if err != nil {
		return nil, fmt.Errorf("cannot read groups %q: %w", path, err)
	}
	named, lines, err := parseGroups(b)
	if err != nil {
		return nil, fmt.Errorf("groups %q: %w", path, err)
	}
	first := map[string]int32{}
	used, unlisted := 0, 0
	for i, item := range f.Items {
		name, listed := named[item.Path]
		if !listed {
			unlisted++
			continue
		}
		used++
		if name == "" {
			continue
		}
		if j, known := first[name]; known {
			s.join(j, int32(i))
		} else {
			first[name] = int32(i)
		}
	}
	if used == 0 {
		return nil, fmt.Errorf("groups %q: none of its paths is an image of %q; they are like %q", path, f.Root, f.Items[0].Path)
	}
	if n := len(named) - used; n > 0 {
		for _, item := range f.Items {
			delete(named, item.Path)
		}
		p := slices.MinFunc(slices.Collect(maps.Keys(named)), func(a, b string) int { return lines[a] - lines[b] })
		notes = append(notes, fmt.Sprintf("groups: %s has %s without an image in use, the first is %q in line %d",
			filepath.Base(path), text.Count(n, "path"), p, lines[p]))
	}
	if unlisted > 0 {
		notes = append(notes, fmt.Sprintf("groups: %s does not list %s: each is a group by itself", filepath.Base(path), text.Count(unlisted, "image")))
	}
	return notes, nil
}

// parseGroups reads a table of paths and groups. Columns are separated by commas,
// or by tabs or semicolons if the first line has those. It returns the group and
// the line of each path.
func parseGroups(b []byte) (groups map[string]string, lines map[string]int, err error) {
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	header, _, _ := bytes.Cut(b, []byte("\n"))
	r := csv.NewReader(bytes.NewReader(b))
	for _, separator := range "\t;" {
		if bytes.ContainsRune(header, separator) {
			r.Comma = separator
		}
	}
	names, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil, nil, errors.New("the file is empty; want the columns path and group")
	} else if err != nil {
		return nil, nil, err
	}
	column := func(name string) int {
		return slices.IndexFunc(names, func(s string) bool { return strings.EqualFold(strings.TrimSpace(s), name) })
	}
	pathColumn, groupColumn := column("path"), column("group")
	if pathColumn < 0 || groupColumn < 0 {
		return nil, nil, fmt.Errorf("the first line is %q; want the columns path and group", strings.TrimRight(string(header), "\r"))
	}
	groups, lines = map[string]string{}, map[string]int{}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return groups, lines, nil
		} else if err != nil {
			return nil, nil, err
		}
		line, _ := r.FieldPos(0)
		path := strings.TrimPrefix(row[pathColumn], "./")
		if before, known := lines[path]; known && groups[path] != row[groupColumn] {
			return nil, nil, fmt.Errorf("%q is in group %q in line %d and in group %q in line %d", path, groups[path], before, row[groupColumn], line)
		} else if !known {
			groups[path], lines[path] = row[groupColumn], line
		}
	}
}
