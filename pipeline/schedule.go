package pipeline

import (
	"fmt"
	"math"
	"strings"
)

// Schedule says how the learning rate changes from step to step. Steps are
// those of the optimiser; the zero value is a constant rate.
type Schedule struct {
	// Kind is constant, inverse_time or cosine; "" is constant.
	Kind string `json:"kind"`
	// Decay is that of inverse_time, a step.
	Decay float64 `json:"decay,omitempty"`
	// Floor is the rate that cosine ends with.
	Floor float64 `json:"floor,omitempty"`
	// WarmupEpochs and WarmupSteps, of which one may be given, is how long the
	// rate first rises, evenly, from 0 to the learning rate.
	WarmupEpochs float64 `json:"warmup_epochs,omitempty"`
	WarmupSteps  int     `json:"warmup_steps,omitempty"`
}

// schedules are the ways a rate goes on from step 0 after the warm-up, of n in
// all.
var schedules = []struct {
	kind string
	rate func(s Schedule, rate float64, step, n int) float64
}{
	{"constant", func(_ Schedule, rate float64, _, _ int) float64 { return rate }},
	// Keras's InverseTimeDecay, and what He, Gu and Shi's Keras called decay.
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

// Rate returns the rate of a step, counted from 0, of a training of that many
// epochs of that many steps, where rate is the learning rate.
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

// check reports the first setting that cannot be.
func (s Schedule) check(t Training) error {
	known := s.Kind == ""
	for _, kind := range Schedules() {
		known = known || kind == s.Kind
	}
	finite := func(x float64) bool { return x >= 0 && !math.IsInf(x, 0) }
	switch {
	case !known:
		return fmt.Errorf("no schedule %q; have %s", s.Kind, strings.Join(Schedules(), ", "))
	case s.Decay != 0 && s.Kind != "inverse_time":
		return fmt.Errorf("schedule.decay is %g, which only inverse_time has", s.Decay)
	case !finite(s.Decay):
		return fmt.Errorf("schedule.decay is %g, want 0 or more", s.Decay)
	case s.Floor != 0 && s.Kind != "cosine":
		return fmt.Errorf("schedule.floor is %g, which only cosine has", s.Floor)
	case !(s.Floor >= 0 && s.Floor <= t.LearningRate):
		return fmt.Errorf("schedule.floor is %g, want 0 to the learning rate, %g", s.Floor, t.LearningRate)
	case s.WarmupSteps < 0:
		return fmt.Errorf("schedule.warmup_steps is %d, want 0 or more", s.WarmupSteps)
	case !(s.WarmupEpochs >= 0 && s.WarmupEpochs <= float64(t.Epochs)):
		return fmt.Errorf("schedule.warmup_epochs is %g, want 0 to the training's %d", s.WarmupEpochs, t.Epochs)
	case s.WarmupEpochs > 0 && s.WarmupSteps > 0:
		return fmt.Errorf("schedule has warmup_epochs and warmup_steps; give one")
	}
	return nil
}
