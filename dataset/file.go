package dataset

import (
	"errors"
	"fmt"
	"io"
	"os"

	"oscar/internal/paths"
)

// ReadFile reads a whole regular file of no more bytes than the limits allow.
// Errors do not repeat its path.
func ReadFile(path string, limits Limits) ([]byte, error) { return readFile(path, nil, limits) }

// readFile reads a whole file into buf, which grows as needed, and returns the
// bytes. It opens regular files only (a pipe would never return) and reads no
// more than the limits allow. Errors do not repeat the path.
func readFile(path string, buf []byte, limits Limits) ([]byte, error) {
	limit := limits.orDefault().MaxBytes
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, paths.TrimError(err)
	case info.IsDir():
		if _, err := os.ReadDir(path); err != nil {
			return nil, fmt.Errorf("cannot read folder: %w", paths.TrimError(err))
		}
		return nil, errors.New("a folder, not a file")
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("not a regular file (%s)", info.Mode().Type())
	case info.Size() > limit:
		return nil, tooLarge(info.Size(), limit)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, paths.TrimError(err)
	}
	defer f.Close()
	// One byte more than expected, to detect the end and a file that grows.
	size := int(info.Size()) + 1
	if cap(buf) < size {
		buf = make([]byte, size)
	}
	n, err := io.ReadFull(f, buf[:size])
	switch {
	case err == nil:
		return nil, errors.New("grew while it was read")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return buf[:n], nil
	default:
		return nil, paths.TrimError(err)
	}
}

func tooLarge(size, limit int64) error {
	return fmt.Errorf("%d bytes long: the limit is %d", size, limit)
}
