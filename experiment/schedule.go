package experiment

import (
	"fmt"
	"math"

	"oscar/internal/named"
)

// Schedule is a learning rate schedule. It counts the optimizer's steps. The zero value is a
// constant rate.
type Schedule struct {
	// Kind is constant, inverse_time or cosine; "" is constant.
	Kind string `json:"kind"`
	// Decay is the decay rate of inverse_time, per step.
	Decay float64 `json:"decay,omitempty"`
	// Floor is the final learning rate of cosine.
	Floor float64 `json:"floor,omitempty"`
	// WarmupEpochs or WarmupSteps is the length of a linear warm-up from 0 to the learning rate. Only
	// one of them may be set.
	WarmupEpochs float64 `json:"warmup_epochs,omitempty"`
	WarmupSteps  int     `json:"warmup_steps,omitempty"`
}

// schedules is the table of schedules. rate returns the learning rate of a step
// of n, both counted from the end of the warm-up.
var schedules = []struct {
	kind string
	rate func(s Schedule, rate float64, step, n int) float64
}{
	{"constant", func(_ Schedule, rate float64, _, _ int) float64 { return rate }},
	// Keras's InverseTimeDecay; He, Gu and Shi's version of Keras calls it decay.
	{"inverse_time", func(s Schedule, rate float64, step, _ int) float64 { return rate / (1 + s.Decay*float64(step)) }},
	// Loshchilov and Hutter 2017 (arXiv:1608.03983), eq. 5, without restarts.
	{"cosine", func(s Schedule, rate float64, step, n int) float64 {
		done := min(1, float64(step)/float64(max(1, n)))
		return s.Floor + (rate-s.Floor)*(1+math.Cos(math.Pi*done))/2
	}},
}

// Schedules returns the kinds of schedule.
func Schedules() []string {
	kinds := make([]string, len(schedules))
	for i, s := range schedules {
		kinds[i] = s.kind
	}
	return kinds
}

// Rate returns the learning rate of a step, counted from 0, for training of epochs x stepsPerEpoch
// steps. rate is the learning rate before the schedule.
func (s Schedule) Rate(rate float64, step, stepsPerEpoch, epochs int) float64 {
	warm := s.WarmupSteps
	if s.WarmupEpochs > 0 {
		warm = int(math.Round(s.WarmupEpochs * float64(stepsPerEpoch)))
	}
	if step < warm {
		return rate * float64(step+1) / float64(warm)
	}
	for _, kind := range schedules {
		if kind.kind == s.Kind {
			return kind.rate(s, rate, step-warm, stepsPerEpoch*epochs-warm)
		}
	}
	return rate
}

// check returns an error for the first invalid setting.
func (s Schedule) check(t Training) error {
	if s.Kind != "" {
		if err := named.Check("schedule", s.Kind, Schedules()); err != nil {
			return err
		}
	}
	switch {
	case s.Decay != 0 && s.Kind != "inverse_time":
		return fmt.Errorf("schedule.decay is %g, which only inverse_time has", s.Decay)
	case !(s.Decay >= 0) || math.IsInf(s.Decay, 0):
		return fmt.Errorf("schedule.decay is %g, want 0 or more", s.Decay)
	case s.Floor != 0 && s.Kind != "cosine":
		return fmt.Errorf("schedule.floor is %g, which only cosine has", s.Floor)
	case !(s.Floor >= 0 && s.Floor <= t.LearningRate):
		return fmt.Errorf("schedule.floor is %g, want 0 to the learning rate, %g", s.Floor, t.LearningRate)
	case s.WarmupSteps < 0:
		return fmt.Errorf("schedule.warmup_steps is %d, want 0 or more", s.WarmupSteps)
	case !(s.WarmupEpochs >= 0 && s.WarmupEpochs <= float64(t.Epochs)):
		return fmt.Errorf("schedule.warmup_epochs is %g, want 0 to the training's %d epochs: change it by --set training.schedule.warmup_epochs=EPOCHS", s.WarmupEpochs, t.Epochs)
	case s.WarmupEpochs > 0 && s.WarmupSteps > 0:
		return fmt.Errorf("schedule has warmup_epochs and warmup_steps; give one")
	}
	return nil
}
