package dataset

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
)

// Draw returns at most perClass items of each class, in their order. It chooses by a hash of
// content, path and seed. So an image added later does not change the choice among the others.
func Draw(items []Item, perClass int, seed uint64) []Item {
	rank := func(item Item) uint64 {
		h := fnv.New64a()
		fmt.Fprint(h, seed, item.SHA256, item.Path)
		return h.Sum64()
	}
	byRank := slices.Clone(items)
	slices.SortStableFunc(byRank, func(a, b Item) int { return cmp.Compare(rank(a), rank(b)) })
	taken, kept := map[int]int{}, map[string]bool{}
	for _, item := range byRank {
		if taken[item.Class] < perClass {
			taken[item.Class]++
			kept[item.Path] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(items), func(item Item) bool { return !kept[item.Path] })
}
