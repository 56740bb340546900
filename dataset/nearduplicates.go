package dataset

import (
	"cmp"
	"context"
	"fmt"
	"math/bits"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
)

const (
	// DefaultNearDuplicateDistance is the default largest distance of near duplicates.
	DefaultNearDuplicateDistance = 8
	// MaxNearDuplicateDistance is the largest distance for NearDuplicates. With a larger one most
	// images would have an unrelated neighbor.
	MaxNearDuplicateDistance = 16
)

// CheckNearDuplicateDistance returns an error for a distance out of range.
func CheckNearDuplicateDistance(distance int) error {
	if distance < 0 || distance > MaxNearDuplicateDistance {
		return fmt.Errorf("the distance of near duplicates is %d, want 0 to %d", distance, MaxNearDuplicateDistance)
	}
	return nil
}

// A NearDuplicate is an image of a group, and its distance to the nearest other image of the group.
type NearDuplicate struct {
	Item
	Distance int
}

// NearDuplicates returns the groups of similar images. Two images are in one group if the Distance
// of their Fingerprints is at most distance, or if a chain of such images connects them. Images of
// different classes can be in one group. Groups have two or more images and are sorted by path, as
// are their images. An image without contrast, such as one of a single color, is in a group only
// with files of the same content.
//
// All images are decoded once. An image that cannot be decoded is in no group. The memory is 40
// bytes per image.
func (f *Folder) NearDuplicates(ctx context.Context, distance int, opts ScanOptions) ([][]NearDuplicate, error) {
	if err := CheckNearDuplicateDistance(distance); err != nil {
		return nil, err
	}
	prints, listed, blank, err := f.fingerprints(ctx, opts)
	if err != nil {
		return nil, err
	}
	sets := newSets(len(f.Items))
	nearest := make([]int8, len(f.Items))
	for i := range nearest {
		nearest[i] = MaxNearDuplicateDistance + 1
	}
	join := func(i, j int32, d int) {
		sets.join(i, j)
		nearest[i], nearest[j] = min(nearest[i], int8(d)), min(nearest[j], int8(d))
	}
	if err := nearPairs(ctx, prints, listed, distance, join); err != nil {
		return nil, err
	}
	first := map[string]int32{}
	for _, i := range blank {
		sum := f.Items[i].SHA256
		if j, known := first[sum]; known && sum != "" {
			join(j, i, 0)
		} else {
			first[sum] = i
		}
	}
	var groups [][]NearDuplicate
	for _, members := range sets.groups() {
		group := make([]NearDuplicate, len(members))
		for k, i := range members {
			group[k] = NearDuplicate{f.Items[i], int(nearest[i])}
		}
		slices.SortFunc(group, func(a, b NearDuplicate) int { return strings.Compare(a.Path, b.Path) })
		groups = append(groups, group)
	}
	slices.SortFunc(groups, func(a, b []NearDuplicate) int { return strings.Compare(a[0].Path, b[0].Path) })
	return groups, nil
}

// fingerprints decodes all images. listed are the images with contrast, blank those without.
func (f *Folder) fingerprints(ctx context.Context, opts ScanOptions) (prints []Fingerprint, listed, blank []int32, err error) {
	prints, readable, contrast := make([]Fingerprint, len(f.Items)), make([]bool, len(f.Items)), make([]bool, len(f.Items))
	var mu sync.Mutex
	next, done := 0, 0
	group, ctx := errgroup.WithContext(ctx)
	for range cmp.Or(max(opts.Workers, 0), runtime.GOMAXPROCS(0)) {
		group.Go(func() error {
			var buf []byte
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= len(f.Items) {
					return nil
				}
				data, err := readFile(filepath.Join(f.Root, filepath.FromSlash(f.Items[i].Path)), buf, opts.Limits)
				if err == nil {
					buf = data
					img, _, release, failed := decodeHeld(ctx, data, opts.Limits)
					if failed == nil {
						prints[i], contrast[i] = NewFingerprint(img)
						readable[i] = true
					}
					release()
				}
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if opts.Progress != nil {
					mu.Lock()
					done++
					opts.Progress(done, len(f.Items))
					mu.Unlock()
				}
			}
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, nil, err
	}
	for i := range readable {
		switch {
		case contrast[i]:
			listed = append(listed, int32(i))
		case readable[i]:
			blank = append(blank, int32(i))
		}
	}
	return prints, listed, blank, nil
}

// bands is the number of parts of 16 bits of a hash.
const bands = 4

// nearPairs reports pairs of the listed fingerprints. For equal ones it reports enough pairs to
// connect them, for others each pair that is at most distance apart, at least once. It uses
// multi-index hashing (Norouzi, Punjani and Fleet 2012, section 3): if two hashes are at most d
// apart, one of four bands is at most d/4 apart.
func nearPairs(ctx context.Context, prints []Fingerprint, listed []int32, distance int, report func(i, j int32, distance int)) error {
	compare := func(a, b int32) int {
		return cmp.Or(cmp.Compare(prints[a].PHash, prints[b].PHash), cmp.Compare(prints[a].DHash, prints[b].DHash))
	}
	listed = slices.Clone(listed)
	slices.SortFunc(listed, func(a, b int32) int { return cmp.Or(compare(a, b), cmp.Compare(a, b)) })
	unlike := listed[:0] // one of each fingerprint
	for _, i := range listed {
		if n := len(unlike); n > 0 && compare(unlike[n-1], i) == 0 {
			report(unlike[n-1], i, 0)
			continue
		}
		unlike = append(unlike, i)
	}
	masks := masksOf(distance / bands)
	byBand := make([]int32, len(unlike))
	for band := range bands {
		of := func(i int32) uint16 { return uint16(prints[i].PHash >> (16 * band)) }
		ends := make([]int32, 1<<16+1) // ends[k] is the end of the fingerprints of band k-1
		for _, i := range unlike {
			ends[int(of(i))+1]++
		}
		for k := range 1 << 16 {
			ends[k+1] += ends[k]
		}
		starts := slices.Clone(ends)
		for _, i := range unlike {
			byBand[starts[of(i)]] = i
			starts[of(i)]++
		}
		for n, i := range unlike {
			if n%256 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			for _, mask := range masks {
				k := int(of(i) ^ mask)
				for _, j := range byBand[ends[k]:ends[k+1]] {
					if i < j {
						if d := prints[i].Distance(prints[j]); d <= distance {
							report(i, j, d)
						}
					}
				}
			}
		}
	}
	return nil
}

// masksOf lists the numbers with at most that many bits set.
func masksOf(most int) (masks []uint16) {
	for m := range 1 << 16 {
		if bits.OnesCount16(uint16(m)) <= most {
			masks = append(masks, uint16(m))
		}
	}
	return masks
}
