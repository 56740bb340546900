package dataset

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"oscar/internal/named"
	"oscar/internal/paths"
)

// setClasses numbers the labels in the order of a file of names, or of the given names. Without both
// it sorts them, numerically if all are integers.
func (t *tableReader) setClasses(f *Folder, file string, given []string) error {
	numbers := wholeNumbers(t.labels)
	item := func(label int) *Item {
		if t.of != nil {
			label = t.of[label]
		}
		return &t.list.items[label]
	}
	if file == "" && given != nil {
		for _, name := range given {
			name, err := labelName(name)
			if err != nil || name == "" {
				return fmt.Errorf("column %q is not the name of a class", name)
			}
			f.Classes = append(f.Classes, name)
		}
	} else if file == "" {
		if numbers != nil {
			for i, n := range numbers {
				t.labels[i] = strconv.Itoa(n)
			}
			slices.Sort(numbers)
			for _, n := range slices.Compact(numbers) {
				f.Classes = append(f.Classes, strconv.Itoa(n))
			}
		} else {
			f.Classes = slices.Compact(slices.Sorted(slices.Values(t.labels)))
		}
	} else {
		names, err := readClasses(file)
		if err != nil {
			return err
		}
		f.Classes = names.list
		if numbers != nil && !slices.ContainsFunc(t.labels, func(l string) bool { return slices.Contains(names.list, l) }) {
			for i, n := range numbers {
				name, known := names.byNumber[n]
				if !known {
					return fmt.Errorf("line %d: label %d is none of the %d numbers of %s, %d to %d",
						t.lines[item(i).Path], n, len(names.byNumber), file, names.first, names.last)
				}
				t.labels[i] = name
			}
		}
	}
	place := map[string]int{}
	for i, name := range f.Classes {
		if _, twice := place[name]; twice {
			return fmt.Errorf("%s has the class %q twice", file, name)
		}
		place[name] = i
	}
	used := map[string]bool{}
	for i, label := range t.labels {
		class, known := place[label]
		if !known {
			return fmt.Errorf("line %d: %w", t.lines[item(i).Path], named.Unknown("class", label, f.Classes))
		}
		if t.of != nil {
			item(i).Labels = append(item(i).Labels, class)
		} else {
			item(i).Class = class
		}
		used[label] = true
	}
	return nil
}

// wholeNumbers returns the labels as integers (3.0 counts as one), or nil if one is not an integer.
func wholeNumbers(labels []string) []int {
	out := make([]int, len(labels))
	for i, label := range labels {
		n, err := strconv.ParseFloat(label, 64)
		if err != nil || n != math.Trunc(n) || math.Abs(n) > 1<<31 {
			return nil
		}
		out[i] = int(n)
	}
	return out
}

// classNames are the names in a file and their numbers.
type classNames struct {
	list        []string
	byNumber    map[int]string
	first, last int
}

// readClasses reads a file of class names: one name per line, counted from 0, or JSON: a
// list, or an object of numbers and names.
func readClasses(file string) (*classNames, error) {
	b, err := paths.ReadFile(file, paths.Settings)
	if err != nil {
		return nil, err
	}
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	c := &classNames{byNumber: map[int]string{}}
	add := func(number int, name string) error {
		name = norm.NFC.String(strings.TrimSpace(name))
		if name == "" || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) || len(name) > 200 {
			return fmt.Errorf("%s: %q is not the name of a class", file, name)
		}
		c.list, c.byNumber[number] = append(c.list, name), name
		return nil
	}
	if !strings.EqualFold(filepath.Ext(file), ".json") {
		for line := range strings.Lines(strings.TrimRight(string(b), "\r\n \t")) {
			if err := add(len(c.list), line); err != nil {
				return nil, err
			}
		}
	} else {
		var list []string
		object := map[string]string{}
		if json.Unmarshal(b, &list) == nil {
			for i, name := range list {
				object[strconv.Itoa(i)] = name
			}
		} else if json.Unmarshal(b, &object) != nil {
			return nil, fmt.Errorf("%s: want a JSON list of names, or an object of numbers and names", file)
		}
		var numbers []int
		for key := range object {
			n, err := strconv.Atoi(key)
			if err != nil {
				return nil, fmt.Errorf("%s: %q is not the number of a class", file, key)
			}
			numbers = append(numbers, n)
		}
		slices.Sort(numbers)
		for _, n := range numbers {
			if err := add(n, object[strconv.Itoa(n)]); err != nil {
				return nil, err
			}
		}
	}
	if len(c.list) < 1 {
		return nil, fmt.Errorf("%s names no class", file)
	}
	numbers := slices.Sorted(maps.Keys(c.byNumber))
	c.first, c.last = numbers[0], numbers[len(numbers)-1]
	return c, nil
}
