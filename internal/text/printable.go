package text

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable returns s with the characters that could deceive a reader written as
// \u202e: terminal escapes and other control characters, marks that turn the
// direction of writing, and invisible ones. Lines and tabs stay. Bytes that are no
// UTF-8 become \x9b. Within a JSON string the result has the same meaning.
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

// deceives reports whether a character is not seen, or changes how others are.
func deceives(r rune) bool {
	switch r {
	case '\n', '\t', '\u200c', '\u200d': // the last two are letters' joints in some scripts
		return false
	case '\u2028', '\u2029':
		return true
	}
	return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r)
}

// Writer passes text on as [Printable] has it and remembers the first error.
type Writer struct {
	To  io.Writer
	Err error // the first of To
}

// Write writes text, which holds whole characters.
func (w *Writer) Write(b []byte) (int, error) {
	if w.Err == nil {
		_, w.Err = io.WriteString(w.To, Printable(string(b)))
	}
	if w.Err != nil {
		return 0, w.Err
	}
	return len(b), nil
}

// Cell returns the text for a cell of a CSV file. Spreadsheets take a text that
// begins like a formula for one; it gets an apostrophe.
func Cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
