package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"oscar/internal/text"
)

// A Fold identifies a split whose test part is a fold of a cross-validation.
type Fold struct {
	Number int `json:"number"` // from 1
	Of     int `json:"of"`
}

// NewFolds divides the images of a folder into n folds, and returns a split for each fold. The fold
// is the test part; the other images are divided into train and validation by their fractions, as in
// [NewSplit]. Each image is in one fold.
//
// Files with the same content are in the same fold, and so are the images of a group of the folder's
// Grouping. Groups, the largest first, and then single contents in seeded order go to the fold with
// the fewest images of their class; among several to the one with the fewest images. Without groups
// the numbers of images of a class in two folds differ by at most one.
func NewFolds(f *Folder, n int, fractions [3]float64, seed uint64) ([]*Split, error) {
	if err := checkFractions(fractions); err != nil {
		return nil, err
	}
	if n < 2 {
		return nil, fmt.Errorf("the number of folds is %d, want at least 2", n)
	}
	if f.parts != nil && len(f.Source.Given) > 1 {
		return nil, fmt.Errorf("%q has the parts %s: folds are made of one set of images; name the folder of one part", f.Root, strings.Join(f.Source.Given, ", "))
	}
	if f.MultiLabel {
		return nil, errors.New("folds need one class per image, and the images have several labels")
	}
	foldOf, notes, err := f.assignFolds(n, seed)
	if err != nil {
		return nil, err
	}
	learned := fractions[0] + fractions[1]
	within := [3]float64{fractions[0] / learned, fractions[1] / learned}
	splits := make([]*Split, n)
	for k := range splits {
		rest := *f
		rest.Items, rest.parts = nil, nil
		rest.Notes = append(slices.Clone(f.Notes), notes...)
		var test []Item
		for _, item := range f.Items {
			if foldOf[item.SHA256] == k {
				test = append(test, item)
			} else {
				rest.Items = append(rest.Items, item)
			}
		}
		s, err := NewSplit(&rest, within, seed)
		if err != nil {
			return nil, fmt.Errorf("without the images of fold %d: %w", k+1, err)
		}
		share := 1 - 1/float64(n)
		s.Test, s.Fold = test, &Fold{k + 1, n}
		s.Fractions = [3]float64{share * within[0], share * within[1], 1 / float64(n)}
		if s.Hash, err = s.computeHash(); err != nil {
			return nil, err
		}
		splits[k] = s
	}
	return splits, nil
}

// folds counts the contents of folds.
type folds struct {
	byClass [][]int // by class and fold
	all     []int   // by fold
}

// assignFolds returns the fold of each content, from 0. It returns an error if there are fewer
// groups and single contents than folds, because a fold would be empty.
func (f *Folder) assignFolds(n int, seed uint64) (foldOf map[string]int, notes []string, err error) {
	d, joined := newDivision(f, DefaultFractions, seed)
	foldOf = make(map[string]int, len(d.contents))
	have := folds{make([][]int, len(f.Classes)), make([]int, n)}
	for class := range have.byClass {
		have.byClass[class] = make([]int, n)
	}
	ambiguous := 0
	for _, c := range d.contents {
		if len(c.classes) > 1 {
			ambiguous++
		}
	}
	groups, singles := d.unitsOf(joined)
	units := len(groups)
	for _, list := range singles {
		units += len(list)
	}
	switch {
	case units < n && f.Grouping != nil:
		return nil, nil, fmt.Errorf("%s for %d folds, want at least %d; an image without a group is one, too", text.Count(units, "group"), n, n)
	case units < n:
		return nil, nil, fmt.Errorf("%s for %d folds, want at least %d", text.Count(units, "different image"), n, n)
	}
	for _, g := range groups {
		size := make([]int, len(g.classes))
		for _, i := range g.contents {
			for _, class := range d.contents[i].classes {
				size[slices.Index(g.classes, class)]++
			}
		}
		k := have.best(g.classes, size, d.total)
		for i, class := range g.classes {
			have.byClass[class][k] += size[i]
		}
		have.all[k] += len(g.contents)
		for _, i := range g.contents {
			foldOf[d.contents[i].hash] = k
		}
	}
	for class, list := range singles {
		for _, hash := range list {
			k := have.fewest(class)
			have.byClass[class][k]++
			have.all[k]++
			foldOf[hash] = k
		}
		if k := slices.Index(have.byClass[class], 0); k >= 0 {
			notes = append(notes, fmt.Sprintf("class %q has no image in fold %d: it has %s", d.classes[class], k+1, text.Count(d.total[class], "different image")))
		}
	}
	if ambiguous > 0 {
		notes = append(notes, fmt.Sprintf("%s in several classes at once: whatever is predicted, one of the labels is counted as wrong", text.Count(ambiguous, "image")))
	}
	return foldOf, notes, nil
}

// best returns the fold for a group: the one where the sum of squares of the classes' shares grows
// least. Among several it is the one with the fewest contents. size is the group's number of
// contents of each class.
func (h folds) best(classes, size, total []int) int {
	best, least := -1, 0.0
	for k, all := range h.all {
		grows := 0.0
		for i, class := range classes {
			n := size[i]
			before, share := float64(h.byClass[class][k]), float64(total[class])
			grows += float64(n) * (2*before + float64(n)) / (share * share)
		}
		if best < 0 || grows < least-1e-12 || grows < least+1e-12 && all < h.all[best] {
			best, least = k, grows
		}
	}
	return best
}

// fewest returns the fold with the fewest contents of a class, then the fewest of all.
func (h folds) fewest(class int) int {
	best := 0
	for k, n := range h.byClass[class] {
		if cmp.Or(cmp.Compare(n, h.byClass[class][best]), cmp.Compare(h.all[k], h.all[best])) < 0 {
			best = k
		}
	}
	return best
}
