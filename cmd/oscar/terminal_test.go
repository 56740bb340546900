package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	columns "github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/sys/unix"
)

// onTerminal runs a command whose output goes to a terminal of so many columns. It returns
// the lines, without those that were drawn over.
func onTerminal(cmd *exec.Cmd, width uint16) (lines []string, err error) {
	own, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer own.Close()
	if err := unix.IoctlSetPointerInt(int(own.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		return nil, err
	}
	number, err := unix.IoctlGetInt(int(own.Fd()), unix.TIOCGPTN)
	if err != nil {
		return nil, err
	}
	theirs, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	if err := unix.IoctlSetWinsize(int(theirs.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: width}); err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = theirs, theirs
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	theirs.Close()
	output, readErr := io.ReadAll(own)
	if errors.Is(readErr, syscall.EIO) { // the last of its writers has ended
		readErr = nil
	}
	err = errors.Join(cmd.Wait(), readErr)
	return strings.Split(strings.NewReplacer("\r\n", "\n", "\r\033[K", "\n").Replace(string(output)), "\n"), err
}

// A line that is too wide is wrapped below its text, and loses no word. Only a word may be
// wider than the terminal.
func TestWrapLine(t *testing.T) {
	for _, test := range []struct {
		width      int
		line, want string
	}{
		{0, "note: one two three four five six", "note: one two three four five six"},
		{40, "note: one two three four five six", "note: one two three four five six"},
		{20, "note: one two three four five six", "note: one two three\n  four five six"},
		{20, "label  one two three four", "label  one two three\n       four"},
		{28, "accuracy 0.5  loss 0.25  on 6 images", "accuracy 0.5  loss 0.25\n              on 6 images"},
		{24, "accuracy 0.5000  loss 0.25  on 6 images", "accuracy 0.5000\n  loss 0.25  on 6 images"},
		{20, "  can/0001.png: tray, probability 0.5", "  can/0001.png:\n    tray,\n    probability 0.5"},
		{20, "report  a/very/long/path/to/report.html", "report  a/very/long/path/to/report.html"},
		{20, "a/very/long/path/to/report.html is there", "a/very/long/path/to/report.html\n  is there"},
		{20, "玻璃瓶 玻璃瓶 玻璃瓶 玻璃瓶", "玻璃瓶 玻璃瓶 玻璃瓶\n  玻璃瓶"},
		{20, "", ""},
	} {
		if got := wrapLine(test.line, test.width); got != test.want {
			t.Errorf("%q in %d columns: %q, want %q", test.line, test.width, got, test.want)
		}
	}
	line := "calibration error                0.8331 (95 % 0.4994 to 1.0000), miscalibrated: at most 0.0002 if calibrated"
	for width := range 200 {
		got := wrapLine(line, width)
		if strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(line), " ") {
			t.Errorf("%d columns: %q", width, got)
		}
		for part := range strings.SplitSeq(got, "\n") {
			if width > 35 && columns.StringWidthWithoutEscSequences(part) > width {
				t.Errorf("%d columns: %q", width, part)
			}
		}
	}
}
