package dataset

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// DefaultFractions are the default fractions of train, validation and test.
var DefaultFractions = [3]float64{0.70, 0.15, 0.15}

// ParseFractions reads "train,validation,test", such as "0.7,0.15,0.15"; "" is DefaultFractions. See
// NewSplit for valid values.
func ParseFractions(s string) (fractions [3]float64, err error) {
	if s == "" {
		return DefaultFractions, nil
	}
	fields := strings.Split(s, ",")
	if len(fields) != 3 {
		return fractions, fmt.Errorf("fractions %q: want three numbers such as 0.7,0.15,0.15", s)
	}
	for i, field := range fields {
		fractions[i], err = strconv.ParseFloat(strings.TrimSpace(field), 64)
		if err != nil {
			return fractions, fmt.Errorf("fractions %q: want three numbers such as 0.7,0.15,0.15; %q is none", s, field)
		}
	}
	return fractions, checkFractions(fractions)
}

func checkFractions(fractions [3]float64) error {
	sum := fractions[0] + fractions[1] + fractions[2]
	switch {
	case !(fractions[0] > 0): // also refuses NaN
		return fmt.Errorf("fraction of train is %v: it must be above 0", fractions[0])
	case !(fractions[1] >= 0) || !(fractions[2] >= 0):
		return fmt.Errorf("fractions of validation and test are %v and %v: they must not be below 0", fractions[1], fractions[2])
	case !(math.Abs(sum-1) <= 1e-6):
		return fmt.Errorf("fractions %v sum to %v: they must sum to 1", fractions, sum)
	}
	return nil
}

// NewSplit divides the images of a folder, class by class. An image's part depends on the seed and
// the contents of its class, not on names or order. Files with the same content go to the same part.
// If their classes differ, they go to train, so that no evaluated image has two correct classes. The
// images of a group go to the same part, too.
//
// Of n different contents of a class, each part gets round(fraction x n), plus or minus one so that
// they sum to n, and at least one. The fractions sum to 1; that of train must be above 0, the others
// may be 0. A class with fewer contents, or groups, than parts is an error. If groups are too large
// for these numbers, a note gives the actual ones.
//
// Images with several labels are divided by their rarest label.
//
// Existing parts of the data set are used unchanged, including duplicates; a group in several of
// them is an error. Missing parts are split off from the train part, by the fractions.
func NewSplit(f *Folder, fractions [3]float64, seed uint64) (*Split, error) {
	if err := checkFractions(fractions); err != nil {
		return nil, err
	}
	if err := cmp.Or(f.checkTrain(), f.checkGivenGroups()); err != nil {
		return nil, err
	}
	shares := fractions
	if f.parts != nil {
		shares = f.lackingFractions(fractions)
	}
	d, joined := newDivision(f.toDivide().strata(), shares, seed)
	if err := d.assign(joined); err != nil {
		return nil, err
	}
	s := &Split{
		Seed:       seed,
		Fractions:  fractions,
		Classes:    slices.Clone(f.Classes),
		MultiLabel: f.MultiLabel,
		Train:      []Item{},
		Validation: []Item{},
		Test:       []Item{},
		Unreadable: append([]Problem{}, f.Unreadable...),
		Notes:      append(append([]string{}, f.Notes...), d.notes...),
		Grouping:   f.Grouping,
		Source:     f.Source,
	}
	lists := [3]*[]Item{&s.Train, &s.Validation, &s.Test}
	for i, item := range f.Items {
		list := lists[d.partOf[item.SHA256]]
		if f.parts != nil && f.parts[i] > 0 {
			list = lists[f.parts[i]]
		}
		*list = append(*list, item)
	}
	for _, list := range lists {
		slices.SortFunc(*list, func(a, b Item) int { return strings.Compare(a.Path, b.Path) })
	}
	if f.MultiLabel {
		if err := s.checkParts(); err != nil {
			return nil, err
		}
	}
	var err error
	s.Hash, err = s.computeHash()
	return s, err
}

// splitKey returns the sort key of a content in the seeded order of its class.
func splitKey(seed uint64, hash string) uint64 {
	key := append(binary.BigEndian.AppendUint64(nil, seed), hash...)
	sum := sha256.Sum256(key)
	return binary.BigEndian.Uint64(sum[:])
}

// partCounts returns how many of the free contents go to each part, by the largest remainder method.
// taken are the contents already in a part. A part with a fraction above 0 gets at least one.
func partCounts(free int, taken [3]int, fractions [3]float64) (counts [3]int, err error) {
	total := free + taken[0] + taken[1] + taken[2]
	var wanted [3]int // the minimum for each part
	for i, fraction := range fractions {
		if fraction > 0 {
			wanted[i] = 1
		}
	}
	needed := wanted[0] + wanted[1] + wanted[2]
	if total < needed {
		fewer := ""
		if needed == 3 && total == 2 {
			fewer = ", or name fewer parts, as --split 0.8,0.2,0"
		}
		return counts, fmt.Errorf("has too few different images for the split %v: %d, at least %d are needed; add images%s", fractions, total, needed, fewer)
	}
	lacking := needed
	for i := range wanted {
		lacking -= min(wanted[i], taken[i])
	}
	if free < lacking {
		return counts, errTooFewFree
	}
	var remainders [3]float64
	rest, sum := total, fractions[0]+fractions[1]+fractions[2]
	for i, fraction := range fractions {
		exact := fraction / sum * float64(total)
		// 0.15 x 20 must count as 3 despite rounding.
		counts[i] = int(math.Floor(exact + 1e-9))
		remainders[i] = exact - float64(counts[i])
		rest -= counts[i]
	}
	for ; rest > 0; rest-- {
		best := 0
		for i := range remainders {
			if remainders[i] > remainders[best]+1e-9 {
				best = i
			}
		}
		counts[best]++
		remainders[best] = -1
	}
	// The largest part gives a content to each part that has too few.
	for i := range counts {
		counts[i] -= taken[i]
		wanted[i] -= min(wanted[i], taken[i])
	}
	for i := range counts {
		for counts[i] < wanted[i] || counts[i] < 0 {
			most := 0
			for j := range counts {
				if counts[j]-wanted[j] > counts[most]-wanted[most] {
					most = j
				}
			}
			counts[most]--
			counts[i]++
		}
	}
	return counts, nil
}
