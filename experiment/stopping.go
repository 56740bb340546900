package experiment

import (
	"cmp"
	"fmt"
	"math"

	"oscar/internal/named"
	"oscar/internal/text"
	"oscar/result"
)

// Monitor is the name of a metric of the validation part.
type Monitor string

// The monitors.
const (
	ByAccuracy Monitor = "accuracy" // the default; higher is better
	ByLoss     Monitor = "loss"     // lower is better
	// ByAveragePrecision is for several labels per image; higher is better.
	ByAveragePrecision Monitor = "mean_average_precision"
)

// Monitors lists the known names, the default first.
func Monitors() []Monitor { return []Monitor{ByAccuracy, ByLoss, ByAveragePrecision} }

func (m Monitor) check(key string) error {
	if m == "" {
		return nil
	}
	return named.Check(key, m, Monitors())
}

// Better reports whether an epoch is better than another: by the monitor, and if equal by the other
// monitor.
func (m Monitor) Better(epoch, than result.EpochMetrics) bool {
	first, second := cmp.Or(m, ByAccuracy), ByLoss
	if m == ByLoss {
		first, second = ByLoss, ByAccuracy
		if epoch.ValidationAveragePrecision != nil {
			second = ByAveragePrecision
		}
	}
	if got, had := first.score(epoch), first.score(than); got != had {
		return got > had
	}
	return second.score(epoch) > second.score(than)
}

// score returns the monitor's metric of an epoch, with the sign that makes higher better.
func (m Monitor) score(e result.EpochMetrics) float64 {
	switch {
	case m == ByLoss:
		return -float64(e.ValidationLoss)
	case m == ByAveragePrecision && e.ValidationAveragePrecision != nil:
		return float64(*e.ValidationAveragePrecision)
	}
	return float64(e.ValidationAccuracy)
}

// EarlyStopping ends training that does not improve. It does not select the epoch to keep: see
// [Training.Select].
type EarlyStopping struct {
	// Monitor is the metric that must improve; "": accuracy.
	Monitor Monitor `json:"monitor"`
	// Patience is the number of epochs without improvement after which training ends.
	Patience int `json:"patience"`
	// MinDelta is the smallest difference that counts as an improvement.
	MinDelta float64 `json:"min_delta"`
}

// String returns the reason for the end of training.
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

// After returns the epoch after which training ends, or 0 if it continues. It depends only on the
// epochs, so a resumed run ends at the same epoch as an uninterrupted one.
func (s *EarlyStopping) After(epochs []result.EpochMetrics) int {
	if s == nil {
		return 0
	}
	highest, stalled := math.Inf(-1), 0
	for _, m := range epochs {
		if score := s.Monitor.score(m); score > highest+s.MinDelta || math.IsInf(highest, -1) {
			highest, stalled = score, 0
			continue
		}
		if stalled++; stalled == s.Patience {
			return m.Epoch
		}
	}
	return 0
}
