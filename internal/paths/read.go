package paths

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// The maximum sizes of files that are read as a whole.
const (
	Settings = 1 << 20   // a file that a person writes: an experiment, a study, a list of classes
	Record   = 1 << 30   // a file of oscar that grows with the number of images: rows, scores, a split
	Graph    = 2<<30 - 1 // a TensorFlow graph, or a map; the limit of protocol buffers
)

// smallRecord is the maximum size of smallRecords.
const smallRecord = 1 << 26

// smallRecords are the names of oscar's files that do not grow with the number of images: settings,
// descriptions, and lines for epochs.
var smallRecords = []string{
	"command.json", "discarded.json", "environment.json", "experiment.json", "explain.json", "metrics.jsonl",
	"network.json", "oscar.json", "plan.json", "predict.json", "scales.json", "scoring.json", "state.json",
}

// ReadRecord is [ReadFile] for a file of oscar. The maximum size depends on its name.
func ReadRecord(path string) ([]byte, error) {
	if slices.Contains(smallRecords, filepath.Base(path)) {
		return ReadFile(path, smallRecord)
	}
	return ReadFile(path, Record)
}

// Open opens a regular file for reading. It refuses folders, pipes and devices without opening them,
// because reading a pipe may block forever and a device may have no end.
func Open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, openError(err)
	case info.IsDir():
		return nil, fmt.Errorf("%s is a folder, want a file", path)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file (%s)", path, info.Mode().Type())
	}
	return os.Open(path)
}

// OpenUpTo is [Open] for a file of at most limit bytes.
func OpenUpTo(path string, limit int64) (*os.File, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Size() > limit {
		err = tooLarge(path, limit)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// ReadFile reads a whole file of at most limit bytes. It opens it like [Open].
func ReadFile(path string, limit int64) ([]byte, error) {
	f, err := OpenUpTo(path, limit)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	// The size may be wrong: the file may grow, and files of /proc have none.
	b := make([]byte, 0, info.Size()+512)
	for {
		n, err := f.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case int64(len(b)) > limit:
			return nil, tooLarge(path, limit)
		case errors.Is(err, io.EOF):
			return b, nil
		case err != nil:
			return nil, err
		case len(b) == cap(b):
			b = append(b, 0)[:len(b)]
		}
	}
}

func tooLarge(path string, limit int64) error {
	return fmt.Errorf("%s is larger than %d bytes, the most that is read", path, limit)
}

// openError makes an error of stat look like one of open.
func openError(err error) error {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return &os.PathError{Op: "open", Path: p.Path, Err: p.Err}
	}
	return err
}
