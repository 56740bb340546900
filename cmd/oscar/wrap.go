package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	columns "github.com/jedib0t/go-pretty/v6/text"
)

// say prints lines for people, wrapped to the terminal's width.
func say(w io.Writer, format string, args ...any) {
	fmt.Fprint(w, wrapLines(fmt.Sprintf(format, args...), terminalWidth(os.Stdout)))
}

// wrapLines wraps lines that are wider than width; width 0 keeps them.
func wrapLines(s string, width int) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = wrapLine(line, width)
	}
	return strings.Join(lines, "\n")
}

// wrapLine continues a line that is too wide below its text. The text starts after a label, which
// ends with two spaces; without a label it starts two columns in. Words are not divided.
func wrapLine(line string, width int) string {
	if width <= 0 {
		return line
	}
	body := strings.TrimLeft(line, " ")
	start := len(line) - len(body)
	indent := start + 2
	if _, text, ok := strings.Cut(body, "  "); ok {
		text = strings.TrimLeft(text, " ")
		if at := len(line) - len(text); columns.StringWidthWithoutEscSequences(line[:at]) <= width/2 {
			start, indent = at, columns.StringWidthWithoutEscSequences(line[:at])
		}
	}
	var out []string
	for columns.StringWidthWithoutEscSequences(line) > width {
		at := breakAt(line, start, width)
		if at < 0 {
			break
		}
		out = append(out, strings.TrimRight(line[:at], " "))
		line, start = strings.Repeat(" ", indent)+strings.TrimLeft(line[at:], " "), indent
	}
	return strings.Join(append(out, line), "\n")
}

// breakAt returns the index of the space after start at which a line breaks: the last gap of two
// spaces if the line is then at least half full, else the last space that fits, else the first
// space. It is -1 without a space.
func breakAt(line string, start, width int) int {
	last, gap := -1, -1
	for i := start; i < len(line); i++ {
		if line[i] != ' ' || line[i-1] == ' ' {
			continue
		}
		used := columns.StringWidthWithoutEscSequences(line[:i])
		if used > width {
			if last < 0 {
				last = i
			}
			break
		}
		last = i
		if used > width/2 && strings.HasPrefix(line[i:], "  ") {
			gap = i
		}
	}
	if gap >= 0 {
		return gap
	}
	return last
}
