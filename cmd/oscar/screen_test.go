package main

import (
	"strings"
	"testing"
	"time"

	"oscar/pipeline"
	"oscar/result"
)

// On a terminal one line is drawn over and cleared, and never wraps.
func TestScreenOnATerminal(t *testing.T) {
	var out strings.Builder
	s := &screen{out: &out, terminal: true, width: 60}
	l := s.listener()
	l.Stage("training")
	l.OnStep(pipeline.StepInfo{Epoch: 1, Epochs: 40, Done: 16, Total: 32, Loss: 1.5, Accuracy: 0.25, Rate: 12, Left: 90 * time.Minute})
	l.OnStep(pipeline.StepInfo{Epoch: 1, Epochs: 40, Done: 17, Total: 32, Loss: 1.5}) // too soon to be drawn
	l.Note("something")
	l.Count(1, 2)
	l.Count(2, 2)
	want := "training\n" +
		"\r\033[K███████░░░░░░░ epoch 1/40  16/32  loss 1.5000  1h30m0s left" +
		"\r\033[Knote: something\n"
	if out.String() != want {
		t.Errorf("drew %q\nwant %q", &out, want)
	}
	for line := range strings.SplitSeq(out.String(), "\r\033[K") {
		if n := len([]rune(line)); n >= s.width && !strings.HasSuffix(line, "\n") {
			t.Errorf("a line of %d characters: %q", n, line)
		}
	}
}

// On anything else there are plain lines, and not many.
func TestScreenOnAPipe(t *testing.T) {
	var out strings.Builder
	s := &screen{out: &out, width: 60}
	l := s.listener()
	l.Stage("explaining")
	for i := range 1000 {
		l.Count(i+1, 2000)
	}
	s.last = time.Now().Add(-2 * plainEvery)
	l.Count(1001, 2000)
	l.Count(2000, 2000)
	if want := "explaining\nexplaining 1001/2000\n"; out.String() != want {
		t.Errorf("wrote %q, want %q", &out, want)
	}
}

func TestScreenEpochs(t *testing.T) {
	var out strings.Builder
	l := (&screen{out: &out}).listener()
	m := result.EpochMetrics{Epoch: 3, Loss: 0.5, Accuracy: 0.75, ValidationLoss: 0.25, ValidationAccuracy: 0.5, ImagesPerSecond: 55.55}
	l.OnEpoch(m, true)
	m.ValidationLoss, m.ValidationAccuracy, m.Unreadable, m.Weights = result.Unmeasured, result.Unmeasured, 1, "average"
	l.OnEpoch(m, false)
	want := "epoch   3  loss 0.5000  accuracy 0.7500  val_loss 0.2500  val_accuracy 0.5000  55.5 images/s  best\n" +
		"epoch   3  loss 0.5000  accuracy 0.7500  55.5 images/s  average  1 image left out\n"
	if out.String() != want {
		t.Errorf("wrote\n%swant\n%s", &out, want)
	}
}

func TestRound(t *testing.T) {
	for d, want := range map[time.Duration]string{
		1400 * time.Millisecond: "1s", 90 * time.Second: "1m30s", 90*time.Minute + 29*time.Second: "1h30m0s",
	} {
		if got := round(d).String(); got != want {
			t.Errorf("round(%v) = %s, want %s", d, got, want)
		}
	}
}

// The time left stays where the line is short, and no number is cut.
func TestProgressInEightyColumns(t *testing.T) {
	for _, test := range []struct {
		width int
		want  string
	}{
		{120, "██████████░░░░░░░░░░ run 3/12  no-batch-norm, seed 2  epoch 30/40  50 % of all  12h30m0s left"},
		{80, "███░░░ run 3/12  no-batch-norm, seed 2  epoch 30/40  50 % of all  12h30m0s left"},
		{60, "run 3/12  no-batch-norm, seed 2  epoch 30/40  12h30m0s left"},
		{24, "run 3/12  12h30m0s left"},
	} {
		var out strings.Builder
		s := &screen{out: &out, terminal: true, width: test.width}
		s.progress(0.5, "run 3/12  no-batch-norm, seed 2  epoch 30/40  50 % of all", 12*time.Hour+30*time.Minute)
		if got := strings.TrimPrefix(out.String(), "\r\033[K"); len([]rune(got)) >= test.width || got != test.want {
			t.Errorf("%d columns: %q, want %q", test.width, got, test.want)
		}
	}
	m := result.EpochMetrics{Epoch: 3, Loss: 0.5, Accuracy: 0.75, ValidationLoss: 0.25, ValidationAccuracy: 0.5, ImagesPerSecond: 55.55}
	for width, want := range map[int]string{
		100: "epoch   3  loss 0.5000  accuracy 0.7500  val_loss 0.2500  val_accuracy 0.5000  55.5 images/s  best",
		90:  "epoch   3  loss 0.5000  accuracy 0.7500  val_loss 0.2500  val_accuracy 0.5000  best",
		80:  "epoch   3  loss 0.5000  accuracy 0.7500  val 0.2500, 0.5000  best",
	} {
		if got := epochLine(m, true, width); got != want {
			t.Errorf("%d columns: %q, want %q", width, got, want)
		}
	}
}
