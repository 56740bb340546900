package paths

import (
	"bytes"
	"fmt"
	"io"
)

// maxLine is the largest number of bytes of a line in a file that is read line by line: a row
// of a manifest or a table.
const maxLine = 1 << 24

// LimitLines returns a reader of r that fails at a line of more than 16 MiB.
func LimitLines(r io.Reader) io.Reader { return &limitedLines{from: r} }

type limitedLines struct {
	from  io.Reader
	bytes int // of the last line so far
}

func (l *limitedLines) Read(p []byte) (n int, err error) {
	n, err = l.from.Read(p)
	for rest := p[:n]; ; {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			l.bytes += len(rest)
			break
		}
		if l.bytes+end > maxLine {
			l.bytes += end
			break
		}
		rest, l.bytes = rest[end+1:], 0
	}
	if l.bytes > maxLine {
		return 0, fmt.Errorf("a line has more than %d bytes", maxLine)
	}
	return n, err
}
