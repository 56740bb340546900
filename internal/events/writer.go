package events

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Writer writes one event file. It is safe for concurrent use.
type Writer struct {
	mu     sync.Mutex
	file   *os.File
	buffer *bufio.Writer
	closed bool
}

// Create creates a new event file in dir, and dir if it does not exist. The
// file is named events.out.tfevents.<unix seconds of start>.<host>.oscar.<n>, with the
// first free n: it never overwrites a file. TensorBoard reads all event files of a folder
// as one run, in the order of their names.
func Create(dir string, start time.Time) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("event file: %w", err)
	}
	file, err := createFree(dir, start)
	if err != nil {
		return nil, fmt.Errorf("event file: %w", err)
	}
	w := &Writer{file: file, buffer: bufio.NewWriter(file)}
	if err := w.write(versionEvent(start)); err != nil {
		file.Close()
		return nil, err
	}
	return w, w.Flush()
}

// Path returns the file's path.
func (w *Writer) Path() string { return w.file.Name() }

// Scalar writes one value, stored as float32, under a tag such as "train/accuracy".
// TensorBoard groups tags by the part before the slash. NaN and infinities are allowed:
// TensorBoard marks them.
func (w *Writer) Scalar(tag string, step int64, value float64, at time.Time) error {
	if tag == "" || !utf8.ValidString(tag) {
		return fmt.Errorf("event file: tag %q is empty or not UTF-8", tag)
	}
	return w.write(scalarEvent(tag, step, value, at))
}

// Flush writes the buffer to the file, so that TensorBoard can read it.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return w.errClosed()
	}
	if err := w.buffer.Flush(); err != nil {
		return fmt.Errorf("event file: %w", err)
	}
	return nil
}

// Close flushes and closes the file. Closing it again does nothing.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	if err := errors.Join(w.buffer.Flush(), w.file.Close()); err != nil {
		return fmt.Errorf("event file: %w", err)
	}
	return nil
}

func (w *Writer) write(event []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return w.errClosed()
	}
	record := appendRecord(nil, event)
	if len(record) > w.buffer.Available() { // the file has whole records only
		if err := w.buffer.Flush(); err != nil {
			return fmt.Errorf("event file: %w", err)
		}
	}
	if _, err := w.buffer.Write(record); err != nil {
		return fmt.Errorf("event file: %w", err)
	}
	return nil
}

func (w *Writer) errClosed() error {
	return fmt.Errorf("event file: %s is closed", w.Path())
}

func createFree(dir string, start time.Time) (*os.File, error) {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "localhost"
	}
	host = strings.ReplaceAll(host, string(filepath.Separator), "_")
	for n := 0; ; n++ {
		name := fmt.Sprintf("events.out.tfevents.%010d.%s.oscar.%d", start.Unix(), host, n)
		file, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if !errors.Is(err, fs.ErrExist) {
			return file, err
		}
	}
}
