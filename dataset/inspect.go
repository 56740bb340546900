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

// inspect reads the candidates and puts each among the items or the unreadable files,
// in order of their paths.
func (f *Folder) inspect(ctx context.Context, list listing, opts ScanOptions) error {
	reasons, err := inspectAll(ctx, f.Root, list.items, opts)
	if err != nil {
		return err
	}
	order := make([]int, len(list.items))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(list.items[a].Path, list.items[b].Path) })
	for _, i := range order {
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

// Changed returns the items that are not below root with the same content.
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

// inspectAll hashes the files, in parallel, and says why one is not usable.
func inspectAll(ctx context.Context, root string, items []Item, opts ScanOptions) ([]error, error) {
	workers := opts.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	reasons := make([]error, len(items))
	jobs := make(chan int)
	var mu sync.Mutex
	done := 0
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(jobs)
		for i := range items {
			select {
			case jobs <- i:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range workers {
		group.Go(func() error {
			var buf []byte
			for i := range jobs {
				buf, reasons[i] = inspect(ctx, root, &items[i], opts, buf)
				if opts.Progress != nil {
					mu.Lock()
					done++
					opts.Progress(done, len(items))
					mu.Unlock()
				}
			}
			return nil
		})
	}
	return reasons, group.Wait()
}

// inspect fills in the hash of one item. It returns its buffer for reuse.
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
