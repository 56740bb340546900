package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"oscar/internal/atomicfile"
	"oscar/internal/paths"
)

// transfers is the maximum number of concurrent transfers of objects.
const transfers = 16

// Copy is a private folder with copies of a store's files. The path of a file is its key. Close
// removes the copy; the next Open removes the copies of killed processes. Methods take paths
// relative to the folder.
type Copy struct {
	Dir     string
	URL     string
	objects objects
	lock    *os.File

	mutex sync.Mutex
	known map[string]stamp // state of each file that is equal in the store, by path
	base  map[string]stamp // known at [Copy.Begin]
}

// stamp identifies the content of a file in the copy.
type stamp struct {
	size  int64
	time  time.Time
	inode uint64
}

// Open opens a store and makes an empty copy of it below scratch; "" is the folder for temporary
// files.
func Open(ctx context.Context, url, scratch string) (*Copy, error) {
	o, err := open(ctx, url)
	if err != nil {
		return nil, err
	}
	if scratch == "" {
		scratch = filepath.Join(os.TempDir(), fmt.Sprintf("oscar-store-%d", os.Getuid()))
	}
	if err := os.MkdirAll(scratch, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the folder %s for copies: %w", scratch, paths.TrimError(err))
	}
	var info syscall.Stat_t
	if err := syscall.Stat(scratch, &info); err != nil {
		return nil, fmt.Errorf("the folder for copies: %w", err)
	} else if int(info.Uid) != os.Getuid() {
		return nil, fmt.Errorf("the folder %s for copies belongs to another user; name another by --scratch", scratch)
	}
	if err := atomicfile.Clean(scratch); err != nil {
		return nil, err
	}
	for {
		dir, err := os.MkdirTemp(paths.Absolute(scratch), atomicfile.Prefix+"copy-")
		if err != nil {
			return nil, fmt.Errorf("cannot write in %s: %w", scratch, paths.TrimError(err))
		}
		lock, err := os.Open(dir)
		if err == nil && syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil && paths.Exists(dir) {
			return &Copy{Dir: dir, URL: url, objects: o, lock: lock, known: map[string]stamp{}}, nil
		} // another process removed the folder as one of a killed process
		if err == nil {
			lock.Close()
		}
		if err := os.RemoveAll(dir); err != nil {
			return nil, err
		}
	}
}

// Close removes the copy.
func (c *Copy) Close() error {
	defer c.lock.Close()
	return os.RemoveAll(c.Dir)
}

func (c *Copy) path(name string) string { return filepath.Join(c.Dir, filepath.FromSlash(name)) }

// clean returns the key of a path.
func clean(name string) (key string, err error) {
	if !filepath.IsLocal(name) {
		return "", fmt.Errorf("%q is not a name within the store", name)
	}
	return filepath.ToSlash(filepath.Clean(name)), nil
}

// below calls do with each object whose key is name or is below it, some concurrently.
func (c *Copy) below(ctx context.Context, name string, deep bool, do func(ctx context.Context, o object) error) (n int, err error) {
	key, err := clean(name)
	if err != nil {
		return 0, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(transfers)
	each := func(prefix string, deep bool) error {
		for o, err := range c.objects.list(ctx, prefix, deep) {
			if err != nil {
				return err
			}
			if deep || o.key == key || strings.HasPrefix(o.key, prefix) && strings.HasSuffix(prefix, "/") {
				if clean, err := clean(o.key); err != nil || clean != o.key {
					return fmt.Errorf("%s cannot be the name of a file", c.objects.place(o.key))
				}
				n++
				group.Go(func() error { return do(ctx, o) })
			}
		}
		return nil
	}
	if key == "." {
		err = each("", deep)
	} else if err = each(key, false); err == nil {
		err = each(key+"/", deep)
	}
	failed := group.Wait()
	if failed != nil && (err == nil || errors.Is(err, context.Canceled)) {
		err = failed
	}
	return n, err
}

// Pull copies the files with one of the names, or below it. A name without files is an error.
func (c *Copy) Pull(ctx context.Context, names ...string) error {
	for _, name := range names {
		n, err := c.below(ctx, name, true, func(ctx context.Context, o object) error { return c.fetch(ctx, o.key) })
		if err == nil && n == 0 {
			err = fmt.Errorf("%s: %w, and nothing below it", c.objects.place(name), fs.ErrNotExist)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// PullFolder copies the files of a folder, if there are any. With deep it also copies those in
// sub-folders.
func (c *Copy) PullFolder(ctx context.Context, name string, deep bool) error {
	n, err := c.below(ctx, name, deep, func(ctx context.Context, o object) error { return c.fetch(ctx, o.key) })
	if err != nil || n == 0 || !paths.Exists(c.path(name)) {
		return err
	}
	// The lock file marks a folder that oscar has created.
	return os.WriteFile(filepath.Join(c.path(name), atomicfile.LockFile), nil, 0o666)
}

// Outline creates the files with one of the names, or below it, with their size and time but without
// their content.
func (c *Copy) Outline(ctx context.Context, names ...string) error {
	for _, name := range names {
		n, err := c.below(ctx, name, true, func(_ context.Context, o object) error {
			to := c.path(o.key)
			if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
				return err
			}
			f, err := os.Create(to)
			if err != nil {
				return err
			}
			return errors.Join(f.Truncate(o.size), f.Close(), os.Chtimes(to, o.modified, o.modified))
		})
		if err == nil && n == 0 {
			err = fmt.Errorf("%s: %w, and nothing below it", c.objects.place(name), fs.ErrNotExist)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Get copies files. Missing ones are left out.
func (c *Copy) Get(ctx context.Context, names ...string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(transfers)
	for _, name := range names {
		key, err := clean(name)
		if err != nil {
			return err
		}
		group.Go(func() error {
			if err := c.fetch(ctx, key); !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			return nil
		})
	}
	return group.Wait()
}

// fetch copies a file.
func (c *Copy) fetch(ctx context.Context, key string) error {
	if err := os.MkdirAll(filepath.Dir(c.path(key)), 0o777); err != nil {
		return err
	}
	if err := c.objects.get(ctx, key, c.path(key)); err != nil {
		return err
	}
	return c.note(key)
}

// note records that the store has the current state of a file.
func (c *Copy) note(key string) error {
	s, err := stampOf(c.path(key))
	if err != nil {
		return err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.known[key] = s
	return nil
}

func stampOf(file string) (stamp, error) {
	info, err := os.Stat(file)
	if err != nil {
		return stamp{}, err
	}
	return stamp{info.Size(), info.ModTime(), info.Sys().(*syscall.Stat_t).Ino}, nil
}

// changed returns the files below a folder that differ from the store's, without locks and temporary
// files.
func (c *Copy) changed(dir string) (keys []string, err error) {
	err = filepath.WalkDir(c.path(dir), func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || atomicfile.IsTemporary(d.Name()) {
			return err
		}
		key, err := filepath.Rel(c.Dir, file)
		if err != nil {
			return err
		}
		key = filepath.ToSlash(key)
		now, err := stampOf(file)
		if err == nil && c.known[key] != now {
			keys = append(keys, key)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return keys, err
}

// put sends files to the store.
func (c *Copy) put(ctx context.Context, keys []string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(transfers)
	for _, key := range keys {
		group.Go(func() error {
			if err := c.objects.put(ctx, c.path(key), key); err != nil {
				return err
			}
			return c.note(key)
		})
	}
	return group.Wait()
}

// Push makes a folder of the store equal to the copy: it sends changed files and removes files that
// were copied and no longer exist. The files called last are sent after all others, in that order.
func (c *Copy) Push(ctx context.Context, dir string, last ...string) error {
	keys, err := c.changed(dir)
	if err != nil {
		return err
	}
	end := make([]string, len(last))
	for i, name := range last {
		end[i] = path.Join(filepath.ToSlash(dir), name)
	}
	first := slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return slices.Contains(end, key) })
	if err := c.put(ctx, first); err != nil {
		return err
	}
	for key := range maps.Clone(c.known) {
		if strings.HasPrefix(key, filepath.ToSlash(dir)+"/") && !paths.Exists(c.path(key)) {
			if err := c.objects.remove(ctx, key); err != nil {
				return err
			}
			delete(c.known, key)
		}
	}
	for _, key := range end {
		if slices.Contains(keys, key) {
			if err := c.put(ctx, []string{key}); err != nil {
				return err
			}
		}
	}
	return nil
}
