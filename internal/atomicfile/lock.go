package atomicfile

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// LockFile lies in a folder that a process has locked.
const LockFile = ".lock"

// Lock locks a folder for this process, until the file is closed. The holder may
// remove the lock file before that.
func Lock(dir string) (*os.File, error) {
	path := filepath.Join(dir, LockFile)
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o666)
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			f.Close()
			return nil, fmt.Errorf("%s is in use by another oscar", dir)
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
