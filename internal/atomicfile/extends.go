package atomicfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"oscar/internal/paths"
)

// Extending calls fill with a writer for the new content of the file at path, which must begin with
// its present content. At the first other byte the writer returns an error that names the file and
// its content, what; so a repeated or extended call replaces the file, and another one does not.
func Extending(path, what string, to io.Writer, fill func(io.Writer) error) error {
	other := fmt.Errorf("%s has other %s; name a new file", path, what)
	f, err := paths.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return fill(to)
	} else if err != nil {
		return err
	}
	defer f.Close()
	e := &extending{to: to, before: bufio.NewReader(f), other: other}
	if err := fill(e); err != nil {
		return err
	}
	if _, err := e.before.ReadByte(); !errors.Is(err, io.EOF) {
		return other // the new content is shorter, or the file cannot be read
	}
	return nil
}

// extending is the writer of [Extending].
type extending struct {
	to     io.Writer
	before *bufio.Reader
	other  error
}

func (e *extending) Write(b []byte) (int, error) {
	there := make([]byte, len(b))
	n, err := io.ReadFull(e.before, there)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, err
	}
	if !bytes.HasPrefix(b, there[:n]) {
		return 0, e.other
	}
	return e.to.Write(b)
}
