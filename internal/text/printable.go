package text

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable returns s with the characters that could deceive a reader written as \u202e:
// terminal escapes and other control characters, marks that change the writing
// direction, and invisible characters. Newlines and tabs stay. Bytes that are not UTF-8
// become \x9b. Within a JSON string the result has the same meaning.
func Printable(s string) string {
	if !strings.ContainsFunc(s, deceives) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case deceives(r) && r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		case deceives(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

// deceives reports whether a character is invisible or changes how others are shown.
func deceives(r rune) bool {
	switch r {
	case '\n', '\t', '\u200c', '\u200d': // the last two join letters in some scripts
		return false
	case '\u2028', '\u2029':
		return true
	}
	return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r)
}

// Writer forwards text through [Printable] and remembers the first error.
type Writer struct {
	To  io.Writer
	Err error // the first error of To
}

// Write writes text, which must consist of whole characters.
func (w *Writer) Write(b []byte) (int, error) {
	if w.Err == nil {
		_, w.Err = io.WriteString(w.To, Printable(string(b)))
	}
	if w.Err != nil {
		return 0, w.Err
	}
	return len(b), nil
}

// Cell returns the text for a cell of a CSV file. A text that a spreadsheet would read as a
// formula gets an apostrophe.
func Cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
