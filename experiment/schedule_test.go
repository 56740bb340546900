package experiment

import (
	"math"
	"testing"
)

func TestScheduleByHand(t *testing.T) {
	// 4 epochs of 10 steps.
	for _, test := range []struct {
		name     string
		schedule Schedule
		rates    map[int]float64 // by step
	}{
		{"nothing", Schedule{}, map[int]float64{0: 0.1, 39: 0.1}},
		{"constant", Schedule{Kind: "constant"}, map[int]float64{0: 0.1, 39: 0.1}},
		{"warm-up by steps", Schedule{WarmupSteps: 5}, map[int]float64{0: 0.02, 3: 0.08, 4: 0.1, 5: 0.1}},
		{"warm-up by epochs", Schedule{WarmupEpochs: 0.5}, map[int]float64{0: 0.02, 4: 0.1}},
		{"inverse time", Schedule{Kind: "inverse_time", Decay: 0.1}, map[int]float64{0: 0.1, 1: 0.1 / 1.1, 10: 0.05, 30: 0.025}},
		{"inverse time after a warm-up", Schedule{Kind: "inverse_time", Decay: 0.1, WarmupSteps: 10}, map[int]float64{4: 0.05, 9: 0.1, 10: 0.1, 20: 0.05}},
		{"cosine", Schedule{Kind: "cosine"}, map[int]float64{0: 0.1, 10: 0.05 * (1 + math.Sqrt2/2), 20: 0.05, 30: 0.05 * (1 - math.Sqrt2/2), 40: 0, 50: 0}},
		{"cosine to a floor, after a warm-up", Schedule{Kind: "cosine", Floor: 0.02, WarmupEpochs: 2}, map[int]float64{0: 0.005, 19: 0.1, 20: 0.1, 30: 0.06, 40: 0.02}},
		{"nothing but warm-up", Schedule{Kind: "cosine", WarmupEpochs: 4}, map[int]float64{0: 0.0025, 39: 0.1}},
	} {
		for step, want := range test.rates {
			if got := test.schedule.Rate(0.1, step, 10, 4); math.Abs(got-want) > 1e-15 {
				t.Errorf("%s: step %d has rate %g, want %g", test.name, step, got, want)
			}
		}
	}
	// What He, Gu and Shi's decay amounts to: 0.1 % in 80 epochs of 60 steps.
	s := Schedule{Kind: "inverse_time", Decay: 2.5e-7}
	if got := s.Rate(1e-5, 80*60, 60, 80); math.Abs(got-1e-5/1.0012) > 1e-18 {
		t.Errorf("after 4800 steps the rate is %g", got)
	}
}

// An epoch's last batch may be smaller; it is a step like others.
func TestStepsOfAnEpoch(t *testing.T) {
	training := DefaultTraining()
	training.Epochs, training.Batch, training.LearningRate = 2, 4, 1
	training.Schedule = Schedule{Kind: "cosine"}
	if got := training.Rate(3, 9); math.Abs(got-0.5) > 1e-15 { // 3 of 6 steps
		t.Errorf("half-way the rate is %g", got)
	}
}
