// Package atomicfile writes files and folders atomically: a reader finds either the old or
// the new content, complete, even if the writing process is killed at any moment.
package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"oscar/internal/paths"
)

// Prefix begins the names of temporary files. [Clean] removes those of killed processes.
const Prefix = ".partial-"

// Write writes a file: it writes a temporary file next to it, syncs and renames it.
func Write(path string, data []byte) error {
	return Stream(path, Bytes(data))
}

// Bytes returns a function that writes data.
func Bytes(data []byte) func(*os.File) error {
	return func(f *os.File) error {
		_, err := f.Write(data)
		return err
	}
}

// IsTemporary reports whether a file of that name is a lock or a temporary file.
func IsTemporary(name string) bool { return name == LockFile || strings.HasPrefix(name, Prefix) }

// Stream is [Write] with the content written by fill.
func Stream(path string, fill func(*os.File) error) error {
	err := Draft(path, func(f *os.File) error {
		if err := fill(f); err != nil {
			return err
		}
		if err := Step("sync", path); err != nil {
			return err
		}
		return f.Sync()
	})
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// Output is [Stream] for a file named by the user, in any folder, which is created if necessary. It
// removes the temporary files of killed calls for the same file. If path is a link, its target is
// replaced.
func Output(path string, fill func(*os.File) error) error {
	if err := leadsSomewhere(path); err != nil {
		return err
	}
	path = target(path)
	err := os.MkdirAll(filepath.Dir(path), 0o777)
	var entries []os.DirEntry
	if err == nil {
		entries, err = os.ReadDir(filepath.Dir(path))
	}
	if err != nil {
		return cannotWrite(path, err)
	}
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), Prefix+filepath.Base(path)+"-")
		if !ok || !e.Type().IsRegular() || digits == "" || strings.Trim(digits, "0123456789") != "" {
			continue
		}
		left := filepath.Join(filepath.Dir(path), e.Name())
		if f, err := os.Open(left); err == nil {
			if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
				os.Remove(left) // its process has ended
			}
			f.Close()
		}
	}
	return Stream(path, fill)
}

// CheckNew returns an error if path exists. It is for files that a user edits, or that do not show
// that oscar wrote them.
func CheckNew(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s is there already; name a new file", path)
	} else if !errors.Is(err, os.ErrNotExist) {
		return cannotWrite(path, err)
	}
	return nil
}

// cannotWrite adds the path to the cause of a file error.
func cannotWrite(path string, err error) error {
	return fmt.Errorf("cannot write %s: %w", path, paths.TrimError(err))
}

// ofTarget names the target in an error of a temporary file or folder, or of a file in it.
func ofTarget(err error, tmp, path string) error {
	switch e := err.(type) { // a wrapped one has its text already
	case *os.PathError:
		if rest, ok := strings.CutPrefix(e.Path, tmp); ok {
			return &os.PathError{Op: e.Op, Path: path + rest, Err: e.Err}
		}
	case *os.LinkError:
		if e.Old == tmp {
			return cannotWrite(path, e.Err)
		}
	}
	return err
}

// CheckOurs returns an error if path exists, unless it is empty or starts with one of the given
// texts, as files of the kind what do.
func CheckOurs(path, what string, begins ...string) error {
	f, err := paths.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if _, ok := errors.AsType[*os.PathError](err); ok {
		return cannotWrite(path, err)
	} else if err != nil {
		return err
	}
	defer f.Close()
	most := 0
	for _, begin := range begins {
		most = max(most, len(begin))
	}
	text, err := io.ReadAll(io.LimitReader(f, int64(most)))
	ours := func(begin string) bool { return strings.HasPrefix(string(text), begin) }
	if err != nil || len(text) > 0 && !slices.ContainsFunc(begins, ours) {
		return fmt.Errorf("%s has no %s of oscar; name a new file", path, what)
	}
	return nil
}

// Draft is [Stream] without syncs, for small files that can be made again. A sync would take longer
// than writing the file. After a kill the file is complete, but after a power failure it may not be.
func Draft(path string, fill func(*os.File) error) (err error) {
	if err := Step("create", path); err != nil {
		return err
	}
	f, err := draft(path)
	if err != nil {
		return cannotWrite(path, err)
	}
	defer func() { err = ofTarget(err, f.Name(), path) }()
	// The lock must last until the file is renamed, but the file is closed before that, because Close
	// reports write errors.
	if lock, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0); err == nil {
		defer unix.Close(lock)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err = Step("fill", path); err != nil {
		return err
	}
	if err = fill(f); err != nil {
		return err
	}
	if err = f.Chmod(0o666 &^ umask); err != nil { // CreateTemp makes it 0600
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = Step("rename", path); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return Step("done", path)
}

// draft creates the file that will replace path, and locks it, to show that its process is running.
// Not every file system can lock.
func draft(path string) (*os.File, error) {
	for {
		f, err := os.CreateTemp(filepath.Dir(path), Prefix+filepath.Base(path)+"-*")
		if err != nil {
			return nil, err
		}
		locked := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if _, err := os.Lstat(f.Name()); !errors.Is(locked, syscall.EWOULDBLOCK) && !errors.Is(err, os.ErrNotExist) {
			return f, nil
		}
		f.Close() // another process removes it, because it was not yet locked
		os.Remove(f.Name())
	}
}

// Clean removes the temporary files of killed processes in dir.
func Clean(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), Prefix) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if e.Type().IsRegular() || e.IsDir() {
			f, err := os.Open(path)
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			if err == nil {
				locked := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
				defer f.Close()
				if errors.Is(locked, syscall.EWOULDBLOCK) {
					continue // its process is running
				}
			}
		}
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

// CleanAll is [Clean] for a folder and the folders below it.
func CleanAll(dir string) error {
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = Clean(path)
		}
		if path != dir && errors.Is(err, os.ErrNotExist) {
			return nil // another process has removed it
		}
		return err
	})
}

func syncDir(dir string) error { return syncPath(dir) }

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
