package main

import (
	"cmp"
	"os"

	"golang.org/x/term"
)

// symbols are the characters of bars and tables.
type symbols struct {
	full, empty string // cells of a progress bar
	none        string // replaces a missing number
	to          string // between the ends of an interval
	plusMinus   string
	plain       bool // ASCII only
}

var (
	unicodeSymbols = symbols{full: "█", empty: "░", none: "–", to: "–", plusMinus: "±"}
	asciiSymbols   = symbols{full: "#", empty: ".", none: "-", to: " to ", plusMinus: "+-", plain: true}
)

// drawn are the symbols that this process uses.
var drawn = symbolsFor(os.Getenv)

// symbolsFor returns plain symbols if the environment asks for them by TERM=dumb, NO_COLOR
// (https://no-color.org), or the locales C and POSIX.
func symbolsFor(getenv func(string) string) symbols {
	switch locale := cmp.Or(getenv("LC_ALL"), getenv("LC_CTYPE"), getenv("LANG")); {
	case getenv("TERM") == "dumb", getenv("NO_COLOR") != "", locale == "C", locale == "POSIX":
		return asciiSymbols
	}
	return unicodeSymbols
}

// terminalWidth returns the number of columns of a terminal, or 0 if the file is not a terminal.
func terminalWidth(f *os.File) int {
	fd := int(f.Fd())
	if !term.IsTerminal(fd) {
		return 0
	}
	if w, _, err := term.GetSize(fd); err == nil && w > 20 {
		return w
	}
	return 80
}
