package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"oscar/internal/text"
	"oscar/pipeline"
	"oscar/result"
)

// screen shows how a job gets on: on a terminal one line that is drawn over,
// on anything else plain lines now and then.
type screen struct {
	out      io.Writer
	terminal bool
	width    int
	drawn    bool // a line is there to be drawn over
	stage    string
	last     time.Time
}

// plainEvery is the time between progress lines where there is no terminal.
const plainEvery = 10 * time.Second

func newScreen() *screen {
	s := &screen{out: os.Stderr, width: 80}
	if fd := int(os.Stderr.Fd()); term.IsTerminal(fd) {
		s.terminal = true
		if w, _, err := term.GetSize(fd); err == nil && w > 20 {
			s.width = w
		}
	}
	return s
}

// line writes a line that stays.
func (s *screen) line(format string, args ...any) {
	s.clear()
	fmt.Fprintln(s.out, text.Printable(fmt.Sprintf(format, args...)))
}

func (s *screen) clear() {
	if s.drawn {
		fmt.Fprint(s.out, "\r\033[K")
		s.drawn = false
	}
}

// progress shows a bar with text; done is 0..1, or below 0 if it is unknown.
func (s *screen) progress(done float64, state string, final bool) {
	state = text.Printable(state)
	every := plainEvery
	if s.terminal {
		every = 100 * time.Millisecond
	}
	if !final && time.Since(s.last) < every {
		return
	}
	s.last = time.Now()
	if !s.terminal {
		fmt.Fprintln(s.out, state)
		return
	}
	const cells = 20
	line := state
	if done >= 0 {
		full := int(done * cells)
		line = fmt.Sprintf("%s%s %s", strings.Repeat("█", full), strings.Repeat("░", cells-full), state)
	}
	if r := []rune(line); len(r) > s.width-1 {
		line = string(r[:s.width-1])
	}
	fmt.Fprintf(s.out, "\r\033[K%s", line)
	s.drawn = true
}

// listener draws a job's progress on the screen.
func (s *screen) listener() pipeline.Listener {
	return pipeline.Listener{
		OnNote: func(text string) { s.line("note: %s", text) },
		OnStage: func(name string) {
			s.stage, s.last = name, time.Time{}
			if !s.terminal {
				s.last = time.Now()
			}
			s.line("%s", name)
		},
		OnCount: func(done, total int) {
			if done == total {
				s.clear()
				return
			}
			s.progress(float64(done)/float64(total), fmt.Sprintf("%s %d/%d", s.stage, done, total), false)
		},
		OnStep: func(i pipeline.StepInfo) {
			s.progress(float64(i.Done)/float64(i.Total), fmt.Sprintf("epoch %d/%d  %d/%d  loss %.4f  accuracy %.4f  %.1f images/s  %s left",
				i.Epoch, i.Epochs, i.Done, i.Total, i.Loss, i.Accuracy, i.Rate, round(i.Left)), false)
		},
		OnEpoch: func(m result.EpochMetrics, best bool) {
			mark := ""
			if best {
				mark = "  best"
			}
			validation := ""
			if !math.IsNaN(float64(m.ValidationAccuracy)) {
				validation = fmt.Sprintf("  val_loss %.4f  val_accuracy %.4f", m.ValidationLoss, m.ValidationAccuracy)
			}
			if m.Unreadable > 0 {
				mark += fmt.Sprintf("  %s left out", text.Count(m.Unreadable, "image"))
			}
			s.line("epoch %3d  loss %.4f  accuracy %.4f%s  %.1f images/s%s",
				m.Epoch, m.Loss, m.Accuracy, validation, m.ImagesPerSecond, mark)
		},
	}
}

// round shortens a duration for the eye.
func round(d time.Duration) time.Duration {
	if d > time.Hour {
		return d.Round(time.Minute)
	}
	return d.Round(time.Second)
}
