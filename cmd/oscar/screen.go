package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"

	columns "github.com/jedib0t/go-pretty/v6/text"

	"oscar/internal/text"
	"oscar/pipeline"
	"oscar/result"
)

// screen shows the progress of a job: one line that is overwritten on a terminal, otherwise plain
// lines at intervals.
type screen struct {
	out      io.Writer
	terminal bool
	width    int
	drawn    bool // there is a line to overwrite
	stage    string
	last     time.Time
}

// plainEvery is the interval of progress lines without a terminal.
const plainEvery = 10 * time.Second

func newScreen() *screen {
	s := &screen{out: os.Stderr}
	if w := terminalWidth(os.Stderr); w > 0 && os.Getenv("TERM") != "dumb" { // a dumb terminal cannot overwrite
		s.terminal, s.width = true, w
	}
	return s
}

// line writes a permanent line, wrapped to a terminal.
func (s *screen) line(format string, args ...any) {
	s.clear()
	width := 0
	if s.terminal {
		width = s.width
	}
	fmt.Fprintln(s.out, wrapLine(text.Printable(fmt.Sprintf(format, args...)), width))
}

func (s *screen) clear() {
	if s.drawn {
		fmt.Fprint(s.out, "\r\033[K")
		s.drawn = false
	}
}

// barCells is the maximum length of a bar, in characters.
const barCells = 20

// progress shows a bar, a state and the remaining time. share is 0..1, or below 0 if it is unknown;
// left is 0 if it is unknown. On a narrow terminal the bar gets shorter, and then the last parts of
// the state are omitted, which are separated by two spaces. The remaining time is always shown.
func (s *screen) progress(share float64, state string, left time.Duration) {
	every := plainEvery
	if s.terminal {
		every = 100 * time.Millisecond
	}
	if time.Since(s.last) < every {
		return
	}
	s.last = time.Now()
	state = text.Printable(state)
	end := ""
	if left > 0 {
		end = fmt.Sprintf("  %s left", round(left))
	}
	if !s.terminal {
		fmt.Fprintln(s.out, state+end)
		return
	}
	room := s.width - 1 - len(end)
	for columns.StringWidthWithoutEscSequences(state) > room {
		part := strings.LastIndex(state, "  ")
		if part < 0 {
			state = columns.Trim(state, room)
			break
		}
		state = state[:part]
	}
	bar := ""
	if cells := min(barCells, room-columns.StringWidthWithoutEscSequences(state)-1); share >= 0 && cells >= barCells/4 {
		full := int(min(share, 1) * float64(cells))
		bar = strings.Repeat(drawn.full, full) + strings.Repeat(drawn.empty, cells-full) + " "
	}
	fmt.Fprintf(s.out, "\r\033[K%s%s%s", bar, state, end)
	s.drawn = true
}

// images draws the progress of explaining or drawing images.
func (s *screen) images(p pipeline.Progress) {
	s.progress(p.Share, fmt.Sprintf("%s %d/%d", s.stage, p.Images, p.Total), p.Left)
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
			s.progress(float64(done)/float64(total), fmt.Sprintf("%s %d/%d", s.stage, done, total), 0)
		},
		OnStep: func(i pipeline.StepInfo) {
			s.progress(float64(i.Done)/float64(i.Total), fmt.Sprintf("epoch %d/%d  %d/%d  loss %.4f  accuracy %.4f  %.1f images/s",
				i.Epoch, i.Epochs, i.Done, i.Total, i.Loss, i.Accuracy, i.Rate), i.Left)
		},
		OnEpoch: func(m result.EpochMetrics, best bool) { s.line("%s", epochLine(m, best, s.width)) },
	}
}

// epochLine formats an epoch, shortened to width; width 0 means any width.
func epochLine(m result.EpochMetrics, best bool, width int) string {
	mark := ""
	if best {
		mark = "  best"
	}
	if m.Weights == "average" {
		mark = "  average" + mark
	}
	if m.Unreadable > 0 {
		mark += fmt.Sprintf("  %s left out", text.Count(m.Unreadable, "image"))
	}
	training := fmt.Sprintf("epoch %3d  loss %.4f  accuracy %.4f", m.Epoch, m.Loss, m.Accuracy)
	long, short := "", ""
	if !math.IsNaN(float64(m.ValidationAccuracy)) {
		long = fmt.Sprintf("  val_loss %.4f  val_accuracy %.4f", m.ValidationLoss, m.ValidationAccuracy)
		short = fmt.Sprintf("  val %.4f, %.4f", m.ValidationLoss, m.ValidationAccuracy)
		if mean := m.ValidationAveragePrecision; mean != nil {
			long = fmt.Sprintf("  val_loss %.4f  val_mAP %.4f", m.ValidationLoss, *mean)
			short = fmt.Sprintf("  val %.4f, %.4f", m.ValidationLoss, *mean)
		}
	}
	speed := fmt.Sprintf("  %.1f images/s", m.ImagesPerSecond)
	for _, line := range []string{training + long + speed + mark, training + long + mark} {
		if width == 0 || len(line) < width {
			return line
		}
	}
	return training + short + mark
}

// round rounds a duration for display.
func round(d time.Duration) time.Duration {
	if d > time.Hour {
		return d.Round(time.Minute)
	}
	return d.Round(time.Second)
}
