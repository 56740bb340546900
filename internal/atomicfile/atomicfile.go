// Package atomicfile writes files and folders so that a reader, or a process
// killed at any moment, finds the old one or the new one, whole.
package atomicfile

import (
	"os"
	"path/filepath"
	"strings"
)

// Prefix begins the names of what is being written; [Clean] removes what a kill
// left.
const Prefix = ".partial-"

// Write writes a file: beside, synced, renamed.
func Write(path string, data []byte) error {
	return Stream(path, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
}

// Stream is [Write] for what fill writes.
func Stream(path string, fill func(*os.File) error) error {
	err := Draft(path, func(f *os.File) error {
		if err := fill(f); err != nil {
			return err
		}
		return f.Sync()
	})
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// Draft is [Stream] without the syncs, for what can be made again and is small
// enough that a sync would take longer than the file: it is whole after a kill,
// but perhaps not after a power cut.
func Draft(path string, fill func(*os.File) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), Prefix+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err = fill(f); err != nil {
		return err
	}
	if err = f.Chmod(0o666 &^ umask); err != nil { // CreateTemp makes it 0600
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// Clean removes what interrupted writes left in dir.
func Clean(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), Prefix) {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
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
