package atomicfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// LockFile is the name of the lock file in a locked folder.
const LockFile = ".lock"

// ErrInUse is wrapped by the error for a folder that another process has locked.
var ErrInUse = errors.New("is in use by another oscar")

// Lock locks a folder for this process, until the file is closed. The holder may
// remove the lock file before that.
func Lock(dir string) (*os.File, error) { return lock(dir, syscall.LOCK_EX) }

// LockShared locks a folder for this process and others that share it, until the
// file is closed.
func LockShared(dir string) (*os.File, error) { return lock(dir, syscall.LOCK_SH) }

func lock(dir string, how int) (*os.File, error) {
	path := filepath.Join(dir, LockFile)
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o666)
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB); err != nil {
			f.Close()
			return nil, fmt.Errorf("%s %w", dir, ErrInUse)
		}
		// The file may have been removed between the two calls.
		ours, err := f.Stat()
		if err == nil {
			var now os.FileInfo
			if now, err = os.Stat(path); err == nil && os.SameFile(ours, now) {
				return f, nil
			}
		}
		f.Close()
		if err != nil && !os.IsNotExist(err) {
			return nil, err
		}
	}
}

// setOpenFileLock is the command for open file description locks of Linux's fcntl.
const setOpenFileLock = 37

// LockUnit locks one byte of a folder's lock file until the file is closed. If another
// process has locked that byte it waits.
func LockUnit(ctx context.Context, dir string, n int) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, LockFile), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.FcntlFlock(f.Fd(), setOpenFileLock, &syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart, Start: int64(n), Len: 1})
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EACCES) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}
