package paths

import (
	"bytes"
	"fmt"
	"io"
)

// maxLine is the maximum length in bytes of a line in a file that is read line by line: a row of a
// manifest or a table.
const maxLine = 1 << 24

var quote = []byte{'"'}

// LimitLines returns a reader of r that fails at a line longer than 16 MiB.
func LimitLines(r io.Reader) io.Reader { return &limitedLines{from: r} }

// LimitRows is [LimitLines] for CSV: the limit also applies to a row with line breaks in quotes.
func LimitRows(r io.Reader) io.Reader { return &limitedLines{from: r, quotes: true} }

type limitedLines struct {
	from   io.Reader
	quotes bool // line breaks in quotes do not end a line
	quoted bool // the last line has an open quote
	lines  int  // number of line breaks in the last line
	bytes  int  // of the last line so far
}

func (l *limitedLines) Read(p []byte) (n int, err error) {
	n, err = l.from.Read(p)
	for rest := p[:n]; ; {
		end := bytes.IndexByte(rest, '\n')
		line := rest
		if end >= 0 {
			line = rest[:end]
		}
		if l.quotes && bytes.Count(line, quote)%2 == 1 {
			l.quoted = !l.quoted
		}
		l.bytes += len(line)
		if end < 0 || l.bytes > maxLine {
			break
		}
		rest = rest[end+1:]
		if l.quoted {
			l.bytes++
			l.lines++
		} else {
			l.bytes, l.lines = 0, 0
		}
	}
	switch {
	case l.bytes <= maxLine:
		return n, err
	case l.lines > 0:
		return 0, fmt.Errorf("a row of several lines has more than %d bytes", maxLine)
	}
	return 0, fmt.Errorf("a line has more than %d bytes", maxLine)
}
