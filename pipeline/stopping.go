package pipeline

import (
	"cmp"
	"fmt"
	"math"
	"oscar/internal/text"
	"slices"
	"strings"
)

// Monitor names a figure of the validation part.
type Monitor string

// The monitors.
const (
	ByAccuracy Monitor = "accuracy" // the default: the higher the better
	ByLoss     Monitor = "loss"     // the lower the better
)

// Monitors lists the known names, the default first.
func Monitors() []Monitor { return []Monitor{ByAccuracy, ByLoss} }

func (m Monitor) check(key string) error {
	if m == "" || slices.Contains(Monitors(), m) {
		return nil
	}
	var known []string
	for _, k := range Monitors() {
		known = append(known, string(k))
	}
	return fmt.Errorf("no %s %q; have %s", key, m, strings.Join(known, ", "))
}

// score is a figure of an epoch, the higher the better.
func (m Monitor) score(e EpochMetrics) float64 {
	if m == ByLoss {
		return -float64(e.ValidationLoss)
	}
	return float64(e.ValidationAccuracy)
}

// best is the epoch that is kept: the best by the monitor, then by the other,
// then the first; without a validation part, the last.
type best struct {
	Epoch    int     `json:"epoch"` // from 1; 0: none yet
	Accuracy Measure `json:"accuracy"`
	Loss     Measure `json:"loss"`
}

func (b best) beatenBy(m EpochMetrics, by Monitor) bool {
	if b.Epoch == 0 || math.IsNaN(float64(m.ValidationAccuracy)) {
		return true
	}
	first, second := ByAccuracy, ByLoss
	if by == ByLoss {
		first, second = ByLoss, ByAccuracy
	}
	was := EpochMetrics{ValidationAccuracy: b.Accuracy, ValidationLoss: b.Loss}
	if got, had := first.score(m), first.score(was); got != had {
		return got > had
	}
	return second.score(m) > second.score(was)
}

// EarlyStopping ends a training that gets no better. It does not choose the
// epoch that is kept: see [Training.Select].
type EarlyStopping struct {
	// Monitor is what has to get better; "" is accuracy.
	Monitor Monitor `json:"monitor"`
	// Patience is after how many epochs that were no better the training ends.
	Patience int `json:"patience"`
	// MinDelta is by how much an epoch has to be better to count.
	MinDelta float64 `json:"min_delta"`
}

// String says why a training was ended.
func (s *EarlyStopping) String() string {
	return fmt.Sprintf("the validation %s was no better for %s", cmp.Or(s.Monitor, ByAccuracy), text.Count(s.Patience, "epoch"))
}

func (s *EarlyStopping) check() error {
	switch {
	case s == nil:
		return nil
	case s.Patience < 1:
		return fmt.Errorf("early_stopping.patience is %d, want 1 or more", s.Patience)
	case !(s.MinDelta >= 0) || math.IsInf(s.MinDelta, 0):
		return fmt.Errorf("early_stopping.min_delta is %g, want 0 or more", s.MinDelta)
	}
	return s.Monitor.check("early_stopping.monitor")
}

// after returns the epoch that the training ends with, 0 if it goes on. It
// depends on the epochs alone, so that a run which is resumed ends where one
// would that was not.
func (s *EarlyStopping) after(epochs []EpochMetrics) int {
	if s == nil {
		return 0
	}
	highest, since := math.Inf(-1), 0
	for _, m := range epochs {
		if score := s.Monitor.score(m); score > highest+s.MinDelta || math.IsInf(highest, -1) {
			highest, since = score, 0
			continue
		}
		if since++; since == s.Patience {
			return m.Epoch
		}
	}
	return 0
}
