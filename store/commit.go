package store

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
	"oscar/internal/paths"
)

// commits is the folder of the commits, in the folder of the results.
const commits = "commits"

// commitName returns the key of a unit's commit: a list of checksums of the unit's files, which is
// written after them.
func commitName(dir, part string) string {
	return path.Join(filepath.ToSlash(dir), commits, part+".sha256")
}

// Committed copies the files of a finished unit. It reports whether the unit is finished: it has a
// commit, and all its files have the commit's checksums.
func (c *Copy) Committed(ctx context.Context, dir, part string) (bool, error) {
	list, err := c.commit(ctx, commitName(dir, part))
	if err != nil || list == nil {
		return false, err
	}
	var names []string
	for _, name := range list.Names() {
		names = append(names, filepath.Join(dir, filepath.FromSlash(name)))
	}
	if err := c.Get(ctx, names...); err != nil {
		return false, err
	}
	damaged, err := list.Damaged(c.path(dir))
	if err == nil && len(damaged) > 0 {
		return false, c.Drop(names...)
	}
	return err == nil, err
}

// commit reads a commit. It returns nil if there is none, or if it is damaged.
func (c *Copy) commit(ctx context.Context, key string) (checksum.List, error) {
	text, err := os.CreateTemp(c.Dir, atomicfile.Prefix)
	if err != nil {
		return nil, err
	}
	defer os.Remove(text.Name())
	text.Close()
	if err := c.objects.get(ctx, key, text.Name()); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	b, err := paths.ReadRecord(text.Name())
	if err != nil {
		return nil, err
	}
	list, ok := checksum.Parse(b)
	if !ok {
		return nil, nil
	}
	return list, nil
}

// Begin marks the state that [Copy.Rollback] restores.
func (c *Copy) Begin() { c.base = maps.Clone(c.known) }

// Commit sends the files of a unit below dir that were written since [Copy.Begin], and then the
// unit's commit. It does not send the list of the whole folder, which many processes would write.
func (c *Copy) Commit(ctx context.Context, dir, part string) error {
	keys, err := c.changed(dir)
	if err != nil {
		return err
	}
	own := path.Join(filepath.ToSlash(dir), checksum.File)
	keys = slices.DeleteFunc(keys, func(key string) bool { return key == own })
	if len(keys) == 0 {
		return nil
	}
	if err := c.put(ctx, keys); err != nil {
		return err
	}
	list := checksum.List{}
	for key, now := range c.known {
		name, in := strings.CutPrefix(key, filepath.ToSlash(dir)+"/")
		if in && c.base[key] != now && paths.Exists(c.path(key)) { // the file may have been moved
			if list[name], err = checksum.Sum(c.path(key)); err != nil {
				return err
			}
		}
	}
	text := filepath.Join(c.Dir, atomicfile.Prefix+"commit")
	if err := os.WriteFile(text, list.Text(), 0o666); err != nil {
		return err
	}
	defer os.Remove(text)
	return c.objects.put(ctx, text, commitName(dir, part))
}

// Rollback removes the files below dir that were copied or written since [Copy.Begin].
func (c *Copy) Rollback(dir string) error {
	keys, err := c.changed(dir)
	if err != nil {
		return err
	}
	for key, now := range c.known {
		if c.base[key] != now {
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		if _, had := c.base[key]; !had {
			err = errors.Join(err, c.Drop(key))
		}
	}
	return err
}

// Drop removes files from the copy, not from the store, and folders that become empty.
func (c *Copy) Drop(names ...string) (err error) {
	for _, name := range names {
		delete(c.known, filepath.ToSlash(filepath.Clean(name)))
		if failed := os.Remove(c.path(name)); failed != nil && !errors.Is(failed, fs.ErrNotExist) {
			err = errors.Join(err, failed)
		}
		for dir := filepath.Dir(filepath.Clean(name)); dir != "." && os.Remove(c.path(dir)) == nil; dir = filepath.Dir(dir) {
		}
	}
	return err
}

// Retire removes the units of a folder that are not current: their commits, and the files that no
// other commit names.
func (c *Copy) Retire(ctx context.Context, dir string, current map[string]bool) error {
	prefix := path.Join(filepath.ToSlash(dir), commits) + "/"
	for o, err := range c.objects.list(ctx, prefix, false) {
		if err != nil {
			return err
		}
		if current[strings.TrimSuffix(strings.TrimPrefix(o.key, prefix), ".sha256")] {
			continue
		}
		list, err := c.commit(ctx, o.key)
		if err != nil {
			return err
		}
		for name := range list {
			if key := path.Join(filepath.ToSlash(dir), name); !paths.Exists(c.path(key)) {
				if err := c.objects.remove(ctx, key); err != nil {
					return err
				}
			}
		}
		if err := c.objects.remove(ctx, o.key); err != nil {
			return err
		}
	}
	return nil
}
