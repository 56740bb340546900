package atomicfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Dir fills a new folder next to dir, syncs it and puts it in dir's place. If
// fill fails, dir stays as it was. If dir is a link, the folder that it names is
// replaced. What killed calls for the same dir left is removed. While another
// process is in Dir for the same dir, it is an error: from fill on nobody else
// changes dir.
func Dir(dir string, fill func(tmp string) error) (err error) {
	dir = target(dir)
	if err := Replaceable(dir); err != nil {
		return err
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return err
	}
	if err := Step("folder", dir); err != nil {
		return err
	}
	tmp, lock, err := claim(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp), lock.Close()) }()
	if err := os.Chmod(tmp, 0o777&^umask); err != nil {
		return err
	}
	if err := fill(tmp); err != nil {
		return err
	}
	if err := syncTree(tmp); err != nil {
		return err
	}
	if err := Step("swap", dir); err != nil {
		return err
	}
	if err := swap(tmp, dir); err != nil {
		return fmt.Errorf("put %s in place: %w", dir, err)
	}
	if err := Step("done", dir); err != nil {
		return err
	}
	return syncDir(parent)
}

// Into fills a new folder within dir, syncs it and moves its entries into dir,
// the file named last at the end. Entries that exist are replaced. If fill fails,
// dir is as it was; after a kill dir may have some entries without last.
func Into(dir, last string, fill func(tmp string) error) (err error) {
	if err := Step("folder", dir); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(dir, Prefix+"*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	if err := fill(tmp); err != nil {
		return err
	}
	if err := syncTree(tmp); err != nil {
		return err
	}
	entries, err := os.ReadDir(tmp)
	if err != nil {
		return err
	}
	names := []string{}
	for _, e := range entries {
		if e.Name() != last {
			names = append(names, e.Name())
		}
	}
	for _, name := range append(names, last) {
		to := filepath.Join(dir, name)
		if err := Step("move", to); err != nil {
			return err
		}
		if err := os.RemoveAll(to); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(tmp, name), to); err != nil {
			return err
		}
	}
	if err := Step("done", dir); err != nil {
		return err
	}
	return syncDir(dir)
}

// target returns the folder that a path names, behind links.
func target(dir string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real
	}
	return filepath.Clean(dir)
}

// Replaceable returns an error if [Dir] cannot replace the folder: it is a mount
// point.
func Replaceable(dir string) error {
	var stat unix.Statx_t
	dir = target(dir)
	err := unix.Statx(unix.AT_FDCWD, dir, 0, 0, &stat)
	if err == nil && stat.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0 && stat.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		return fmt.Errorf("%s is a mount point, which cannot be replaced; name a folder in it", dir)
	}
	return nil
}

// claim removes what killed processes left of Dir for dir, and makes a locked folder
// next to it, which stands for this one. It returns an error if there is one of a
// process that lives.
func claim(dir string) (tmp string, lock *os.File, err error) {
	if parent := filepath.Dir(dir); !strings.HasPrefix(filepath.Base(parent), Prefix) { // else it is this process's
		all, err := os.Open(parent)
		if err != nil {
			return "", nil, err
		}
		defer all.Close()
		// One claims at a time. On a file system without locks two may.
		_ = syscall.Flock(int(all.Fd()), syscall.LOCK_EX)
	}
	if err := sweep(dir); err != nil {
		return "", nil, err
	}
	return temporary(dir)
}

// temporary makes a folder next to dir, and locks it: it belongs to a process that
// lives.
func temporary(dir string) (tmp string, lock *os.File, err error) {
	for {
		if tmp, err = os.MkdirTemp(filepath.Dir(dir), Prefix+filepath.Base(dir)+"-*"); err != nil {
			return "", nil, err
		}
		if lock = lockDir(tmp); lock != nil {
			return tmp, lock, nil
		}
		// Another process removes it: it was not locked yet.
	}
}

// lockDir locks a folder itself, without a file in it. It returns nil if another
// process has locked or removed it.
func lockDir(dir string) *os.File {
	f, err := os.Open(dir)
	if err != nil {
		return nil
	}
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		ours, err := f.Stat()
		now, errNow := os.Stat(dir)
		if err == nil && errNow == nil && os.SameFile(ours, now) {
			return f
		}
	}
	f.Close()
	return nil
}

// old ends the name of the folder that [swap] puts aside.
const old = "-old"

// sweep removes what killed processes left of Dir for dir, and returns an error if
// one of them lives. If one was killed
// between the two renames of swap, the folder is put back.
func sweep(dir string) error {
	parent := filepath.Dir(dir)
	entries, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), Prefix+filepath.Base(dir)+"-")
		digits = strings.TrimSuffix(digits, old)
		if !ok || !e.IsDir() || digits == "" || strings.Trim(digits, "0123456789") != "" {
			continue
		}
		path := filepath.Join(parent, e.Name())
		tmp := strings.TrimSuffix(path, old)
		if _, err := os.Lstat(tmp); err == nil {
			lock := lockDir(tmp)
			if lock == nil {
				if _, err := os.Lstat(tmp); errors.Is(err, os.ErrNotExist) {
					continue // its process has just ended
				}
				return fmt.Errorf("%s is in use by another oscar", dir)
			}
			defer lock.Close()
		}
		_, missing := os.Lstat(dir)
		if path != tmp && errors.Is(missing, os.ErrNotExist) {
			err = os.Rename(path, dir)
		} else {
			err = os.RemoveAll(path)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// exchange makes two paths change places; a test plays a file system that
// cannot.
var exchange = func(a, b string) error {
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}

// swap puts tmp in dir's place. What was there changes places with it in one
// step, since between two there would be neither; it ends under tmp's name, for
// Dir to remove.
func swap(tmp, dir string) error {
	if _, err := os.Lstat(dir); os.IsNotExist(err) {
		return os.Rename(tmp, dir)
	}
	err := exchange(tmp, dir)
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.ENOTSUP) {
		return err
	}
	// Some network file systems cannot. Then it takes two steps.
	aside := tmp + old
	if err := os.Rename(dir, aside); err != nil {
		return err
	}
	if err := os.Rename(tmp, dir); err != nil {
		return errors.Join(err, os.Rename(aside, dir))
	}
	return os.RemoveAll(aside)
}

func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return syncDir(path)
		}
		return syncPath(path)
	})
}
