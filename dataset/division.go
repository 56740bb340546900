package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"oscar/internal/text"
)

// errTooFewFree is returned if a part would be empty.
var errTooFewFree = errors.New("too few free contents")

// A division assigns each content to a part: 0 is train, 1 validation, 2 test.
type division struct {
	classes   []string
	fractions [3]float64
	seed      uint64
	contents  []content
	partOf    map[string]int // by hash; contents that are not listed are train
	notes     []string
	by        string // the rule of the groups; "": none

	// By class:
	total []int    // contents
	taken [][3]int // contents in each part
	free  []int    // groups and single contents that are not yet assigned
	units []int    // groups and single contents, without those of label conflicts
	sized []bool   // whether a group has several contents of the class
}

// A content is the content of one or more equal files.
type content struct {
	hash    string
	classes []int // more than one is a label conflict
}

// A contentGroup is several contents that stay in one part.
type contentGroup struct {
	contents []int32
	classes  []int // without duplicates
	key      uint64
	hash     string // the smallest hash

	ambiguous bool // a content has several classes
}

func newDivision(f *Folder, fractions [3]float64, seed uint64) (*division, sets) {
	n := len(f.Classes)
	d := &division{
		classes: f.Classes, fractions: fractions, seed: seed, partOf: map[string]int{},
		total: make([]int, n), taken: make([][3]int, n), free: make([]int, n), sized: make([]bool, n),
	}
	if f.Grouping != nil {
		d.by = f.Grouping.By
	}
	place := map[string]int32{}  // index of a hash in contents
	byPath := map[string]int32{} // index of a path in contents, if there are groups
	for _, item := range f.Items {
		i, known := place[item.SHA256]
		if !known {
			i = int32(len(d.contents))
			place[item.SHA256] = i
			d.contents = append(d.contents, content{hash: item.SHA256})
		}
		if c := &d.contents[i]; !slices.Contains(c.classes, item.Class) {
			c.classes = append(c.classes, item.Class)
			d.total[item.Class]++
		}
		if f.Grouping != nil {
			byPath[item.Path] = i
		}
	}
	joined := newSets(len(d.contents))
	if f.Grouping != nil {
		for _, paths := range f.Grouping.Groups {
			first := int32(-1)
			for _, path := range paths {
				i, known := byPath[path]
				switch {
				case !known:
				case first < 0:
					first = i
				default:
					joined.join(first, i)
				}
			}
		}
	}
	return d, joined
}

// assign puts label conflicts and their groups into train, then assigns the groups, the largest
// first, then single contents in seeded order.
func (d *division) assign(joined sets) error {
	all, singles := d.unitsOf(joined)
	var groups []*contentGroup
	for _, g := range all {
		if g.ambiguous {
			d.put(g, 0)
			continue
		}
		for _, class := range g.classes {
			d.free[class]++
		}
		groups = append(groups, g)
	}
	for class, list := range singles {
		d.free[class] += len(list)
	}
	d.units = slices.Clone(d.free)
	for _, g := range groups {
		d.put(g, d.choose(g))
		for _, class := range g.classes {
			d.free[class]--
		}
	}
	for class, list := range singles {
		if err := d.assignSingles(class, list); err != nil {
			return fmt.Errorf("class %q %w", d.classes[class], err)
		}
	}
	return nil
}

// unitsOf returns the groups, the largest first, and for each class the hashes of the contents
// without a group, in seeded order. A content with several classes is a group of its own.
func (d *division) unitsOf(joined sets) (groups []*contentGroup, singles [][]string) {
	grouped := make([]bool, len(d.contents))
	add := func(members []int32) {
		g := &contentGroup{contents: members, hash: d.contents[members[0]].hash}
		for _, i := range members {
			grouped[i] = true
			c := d.contents[i]
			g.ambiguous = g.ambiguous || len(c.classes) > 1
			g.hash = min(g.hash, c.hash)
			for _, class := range c.classes {
				d.sized[class] = d.sized[class] || slices.Contains(g.classes, class)
				if !slices.Contains(g.classes, class) {
					g.classes = append(g.classes, class)
				}
			}
		}
		slices.Sort(g.classes)
		g.key = splitKey(d.seed, g.hash)
		groups = append(groups, g)
	}
	for _, members := range joined.groups() {
		add(members)
	}
	singles = make([][]string, len(d.classes))
	for i, c := range d.contents {
		if !grouped[i] && len(c.classes) > 1 {
			add([]int32{int32(i)})
		} else if !grouped[i] {
			singles[c.classes[0]] = append(singles[c.classes[0]], c.hash)
		}
	}
	for _, list := range singles {
		slices.SortFunc(list, func(a, b string) int {
			return cmp.Or(cmp.Compare(splitKey(d.seed, a), splitKey(d.seed, b)), strings.Compare(a, b))
		})
	}
	slices.SortFunc(groups, func(a, b *contentGroup) int {
		return cmp.Or(cmp.Compare(len(b.contents), len(a.contents)), cmp.Compare(a.key, b.key), strings.Compare(a.hash, b.hash))
	})
	return groups, singles
}

// put assigns a group to a part.
func (d *division) put(g *contentGroup, part int) {
	for _, i := range g.contents {
		c := d.contents[i]
		d.partOf[c.hash] = part
		for _, class := range c.classes {
			d.taken[class][part]++
		}
	}
}

// choose returns the part for a group: the one where the group exceeds the shares by the fewest
// images. Among several it is the one that is then least full, by its fullest class. If a class has
// only as many groups and contents left as parts without it, only these parts are candidates.
func (d *division) choose(g *contentGroup) int {
	size := map[int]int{}
	for _, i := range g.contents {
		size[d.contents[i].classes[0]]++
	}
	allowed := [3]bool{}
	for p, fraction := range d.fractions {
		allowed[p] = fraction > 0
	}
	for _, class := range g.classes {
		within, lacking := [3]bool{}, 0
		for p, fraction := range d.fractions {
			if fraction > 0 && d.taken[class][p] == 0 {
				lacking++
				within[p] = allowed[p]
			}
		}
		if d.free[class] <= lacking && within != [3]bool{} {
			allowed = within
		}
	}
	best := -1
	var minOver, minFull float64
	for p, fraction := range d.fractions {
		if !allowed[p] {
			continue
		}
		over, full := 0.0, 0.0
		for _, class := range g.classes {
			share := fraction * float64(d.total[class])
			before, after := float64(d.taken[class][p]), float64(d.taken[class][p]+size[class])
			over += max(after-share, 0) - max(before-share, 0)
			full = max(full, after/share)
		}
		if best < 0 || over < minOver-1e-9 || over < minOver+1e-9 && full < minFull-1e-9 {
			best, minOver, minFull = p, over, full
		}
	}
	return best
}

// assignSingles divides the contents of a class that are in no group, in order.
func (d *division) assignSingles(class int, list []string) error {
	counts, err := partCounts(len(list), d.taken[class], d.fractions)
	if errors.Is(err, errTooFewFree) {
		return d.tooFew(class, len(list))
	} else if err != nil {
		return err
	}
	for i, hash := range list {
		switch {
		case i >= counts[0]+counts[1]:
			d.partOf[hash] = 2
		case i >= counts[0]:
			d.partOf[hash] = 1
		}
	}
	for p := range counts {
		counts[p] += d.taken[class][p]
	}
	if wanted, err := partCounts(d.total[class], [3]int{}, d.fractions); err == nil && d.sized[class] && wanted != counts {
		d.notes = append(d.notes, fmt.Sprintf("groups are too large for the shares: of class %q %d, %d and %d different images are in train, validation and test, not %d, %d and %d",
			d.classes[class], counts[0], counts[1], counts[2], wanted[0], wanted[1], wanted[2]))
	}
	return nil
}

// tooFew returns the error for a class with an empty part. singles is the number of its contents
// without a group.
func (d *division) tooFew(class, singles int) error {
	needed := 0
	var lacking []string
	for p, fraction := range d.fractions {
		if fraction > 0 && p > 0 {
			needed++
		}
		if fraction > 0 && d.taken[class][p] == 0 {
			lacking = append(lacking, PartNames[p])
		}
	}
	if !d.sized[class] && d.taken[class][1]+d.taken[class][2] == 0 {
		return fmt.Errorf("has too few images that are in no other class for the split %v: %d, at least %d are needed", d.fractions, singles, needed)
	}
	how := ""
	if strings.Contains(d.by, GroupByNearDuplicates) {
		how = "; images that look alike are one group"
	} else if d.by != "" {
		how = "; images are grouped by " + d.by
	}
	if d.units[class] <= needed {
		return fmt.Errorf("falls into too few groups for the split %v: %d, at least %d are needed%s", d.fractions, d.units[class], needed+1, how)
	}
	return fmt.Errorf("falls into too few groups for the split %v: they leave %s for %s%s",
		d.fractions, text.Count(singles, "image"), strings.Join(lacking, " and "), how)
}
