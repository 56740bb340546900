package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"
)

// inspect reads the candidates, in path order, and appends each to the items or to the unreadable
// files.
func (f *Folder) inspect(ctx context.Context, list listing, opts ScanOptions) error {
	reasons, err := inspectAll(ctx, f.Root, list.items, opts)
	if err != nil {
		return err
	}
	for _, i := range byPath(list.items) {
		item := list.items[i]
		if reasons[i] != nil {
			f.Unreadable = append(f.Unreadable, Problem{Path: strings.ToValidUTF8(item.Path, "\uFFFD"), Reason: reasons[i].Error()})
			f.lost = append(f.lost, item.Class)
			continue
		}
		f.Items = append(f.Items, item)
		if list.groups != nil {
			f.groups = append(f.groups, list.groups[i])
		}
		if list.parts != nil {
			f.parts = append(f.parts, list.parts[i])
		}
	}
	return nil
}

// Changed returns the items whose file is missing or has another content.
func Changed(ctx context.Context, root string, items []Item, opts ScanOptions) (changed []Item, err error) {
	opts.Verify = false
	now := slices.Clone(items)
	reasons, err := inspectAll(ctx, root, now, opts)
	if err != nil {
		return nil, err
	}
	for i, item := range items {
		if reasons[i] != nil || now[i].SHA256 != item.SHA256 {
			changed = append(changed, item)
		}
	}
	return changed, nil
}

// inspectAll hashes the files in parallel and returns each file's error.
func inspectAll(ctx context.Context, root string, items []Item, opts ScanOptions) ([]error, error) {
	workers := opts.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	reasons := make([]error, len(items))
	order := byPath(items)
	list := openHashList(opts.Hashes, root, len(items), opts.Limits)
	type job struct {
		item  int
		known *hashLine
	}
	jobs := make(chan job)
	var mu sync.Mutex
	done := 0
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(jobs)
		for _, i := range order {
			next := job{item: i}
			if list != nil {
				if line, ok := list.find(items[i].Path); ok {
					next.known = &line
				}
			}
			select {
			case jobs <- next:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range workers {
		group.Go(func() error {
			var buf []byte
			for j := range jobs {
				item, read := &items[j.item], true
				if list != nil {
					now := newStamp(filepath.Join(root, filepath.FromSlash(item.Path)), opts.Verify)
					if read = j.known == nil || !j.known.same(now); !read {
						item.SHA256, now = j.known.sum, j.known.stamp
					}
					list.stamps[j.item] = now
				}
				if read {
					buf, reasons[j.item] = inspect(ctx, root, item, opts, buf)
				}
				mu.Lock()
				done++
				if list != nil {
					list.read = list.read || read
				}
				if opts.Progress != nil {
					opts.Progress(done, len(items))
				}
				mu.Unlock()
			}
			return nil
		})
	}
	err := group.Wait()
	if list != nil {
		list.close(items, order, reasons)
	}
	return reasons, err
}

// byPath returns the indices of items in the order of their paths.
func byPath(items []Item) []int {
	order := make([]int, len(items))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(items[a].Path, items[b].Path) })
	return order
}

// inspect sets the hash of one item. It returns its buffer for reuse.
func inspect(ctx context.Context, root string, item *Item, opts ScanOptions, buf []byte) ([]byte, error) {
	if !utf8.ValidString(item.Path) {
		return buf, fmt.Errorf("file name is not valid UTF-8: %q", item.Path)
	}
	data, err := readFile(filepath.Join(root, filepath.FromSlash(item.Path)), buf, opts.Limits)
	if err != nil {
		return buf, err
	}
	sum := sha256.Sum256(data)
	item.SHA256 = hex.EncodeToString(sum[:])
	if opts.Verify {
		_, _, err = DecodeContext(ctx, data, opts.Limits)
	} else {
		_, err = ReadHeader(data, opts.Limits)
	}
	return data, err
}
