package atomicfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"oscar/internal/paths"
)

// Dir fills a new folder next to dir, syncs it and replaces dir by it. If fill fails, dir is
// unchanged. If dir is a link, its target is replaced. Temporary folders of killed calls for dir are
// removed. If another process is in Dir for the same dir, Dir returns an error, so no other process
// changes dir while fill runs.
func Dir(dir string, fill func(tmp string) error) (err error) {
	if err := Replaceable(dir); err != nil {
		return err
	}
	dir = target(dir)
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return cannotWrite(dir, err)
	}
	if err := Step("folder", dir); err != nil {
		return err
	}
	tmp, remove, err := Scratch(dir)
	if _, ofFile := err.(*os.PathError); ofFile {
		return cannotWrite(dir, err)
	} else if err != nil {
		return err
	}
	defer func() { err = errors.Join(ofTarget(err, tmp, dir), remove()) }()
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

// Into fills a new folder in dir, syncs it and moves its entries into dir, the file called last at
// the end. Existing entries are replaced. If fill fails, dir is unchanged. After a kill dir can have
// some of the entries, but not last.
func Into(dir, last string, fill func(tmp string) error) (err error) {
	if err := Step("folder", dir); err != nil {
		return err
	}
	tmp, remove, err := Scratch(filepath.Join(dir, last))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
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

// Scratch creates a temporary folder next to path. It first removes the scratch folders of killed
// processes for path. If a running process has one, it returns an error. The folder is locked, so
// that no other process removes it. remove removes it.
func Scratch(path string) (tmp string, remove func() error, err error) {
	tmp, lock, err := claim(path)
	if err != nil {
		return "", nil, err
	}
	return tmp, func() error { return errors.Join(os.RemoveAll(tmp), lock.Close()) }, nil
}

// target returns the folder, or file, of a path after following links.
func target(dir string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real
	}
	return filepath.Clean(dir)
}

// Replaceable returns an error if [Dir] cannot replace the folder, because it is a mount point, or a
// link without a target, such as one to a disk that is not mounted.
func Replaceable(dir string) error {
	if err := leadsSomewhere(dir); err != nil {
		return err
	}
	var stat unix.Statx_t
	dir = target(dir)
	err := unix.Statx(unix.AT_FDCWD, dir, 0, 0, &stat)
	if err == nil && stat.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0 && stat.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		return fmt.Errorf("%s is a mount point, which cannot be replaced; name a folder in it", dir)
	}
	return nil
}

// leadsSomewhere returns an error for a link without a target.
func leadsSomewhere(path string) error {
	to, err := os.Readlink(path)
	if err != nil {
		return nil // not a link
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("%s is a link to %s: %w; make that, or name another path", path, to, paths.TrimError(err))
	}
	return nil
}

// claim removes the temporary folders of killed processes for dir. It creates a locked folder next
// to dir, which represents this process. If a running process has one, it returns an error.
func claim(dir string) (tmp string, lock *os.File, err error) {
	if parent := filepath.Dir(dir); !strings.HasPrefix(filepath.Base(parent), Prefix) { // else the folder is this process's
		all, err := os.Open(parent)
		if err != nil {
			return "", nil, err
		}
		defer all.Close()
		// Only one process claims at a time. Without file locks there can be two.
		_ = syscall.Flock(int(all.Fd()), syscall.LOCK_EX)
	}
	if err := sweep(dir); err != nil {
		return "", nil, err
	}
	return temporary(dir)
}

// temporary makes and locks a folder next to dir. The lock shows that the process is
// running.
func temporary(dir string) (tmp string, lock *os.File, err error) {
	for {
		if tmp, err = os.MkdirTemp(filepath.Dir(dir), Prefix+filepath.Base(dir)+"-*"); err != nil {
			return "", nil, &os.PathError{Op: "make a folder next to", Path: dir, Err: paths.TrimError(err)}
		}
		if lock = lockDir(tmp); lock != nil {
			return tmp, lock, nil
		}
		// Another process removed it before it was locked.
	}
}

// lockDir locks a folder itself, without a file in it. It returns nil if another process has
// locked or removed it.
func lockDir(dir string) *os.File {
	f, err := os.Open(dir)
	if err != nil {
		return nil
	}
	// Not every file system can lock.
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); !errors.Is(err, syscall.EWOULDBLOCK) {
		ours, err := f.Stat()
		now, errNow := os.Stat(dir)
		if err == nil && errNow == nil && os.SameFile(ours, now) {
			return f
		}
	}
	f.Close()
	return nil
}

// old is the suffix of a folder that [swap] has moved aside.
const old = "-old"

// sweep removes the temporary folders of killed processes for dir. If one of the processes is
// running, it returns an error. If one was killed between the two renames of swap, the old folder is
// moved back.
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

// exchange exchanges two paths. Tests replace it by one that fails, as on some file systems.
var exchange = func(a, b string) error {
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}

// swap moves tmp to dir. It exchanges the two in one step, so that dir always exists. Then the old
// folder has the name tmp; Dir removes it.
func swap(tmp, dir string) error {
	if _, err := os.Lstat(dir); os.IsNotExist(err) {
		return os.Rename(tmp, dir)
	}
	err := exchange(tmp, dir)
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.ENOTSUP) {
		return err
	}
	// Some network file systems cannot exchange. Then there are two renames.
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
