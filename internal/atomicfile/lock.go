package atomicfile

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// LockFile lies in a folder that a process has taken.
const LockFile = ".lock"

// Lock takes a folder for this process, until the file is closed.
func Lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, LockFile), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s is in use by another oscar", dir)
	}
	return f, nil
}
