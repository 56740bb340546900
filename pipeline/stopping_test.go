package pipeline

import (
	"fmt"
	"testing"
)

func validated(accuracy, loss Measure) EpochMetrics {
	return EpochMetrics{ValidationAccuracy: accuracy, ValidationLoss: loss}
}

// The best epoch has the highest validation accuracy, or the lowest loss, the
// best of the other among equals, and is the first among those.
func TestBestEpoch(t *testing.T) {
	first := best{1, 0.5, 1}
	for _, test := range []struct {
		best     best
		epoch    EpochMetrics
		accuracy bool // better by accuracy
		loss     bool // better by loss
	}{
		{best{}, validated(0, 9), true, true},
		{first, validated(0.6, 2), true, false},
		{first, validated(0.4, 0.5), false, true},
		{first, validated(0.5, 0.9), true, true},
		{first, validated(0.5, 1), false, false},
		{first, validated(0.6, 1), true, true},
		{first, validated(0.4, 1), false, false},
		{first, validated(0.5, 1.1), false, false},
		{best{1, Unmeasured, Unmeasured}, validated(Unmeasured, Unmeasured), true, true},
	} {
		for by, want := range map[Monitor]bool{"": test.accuracy, ByAccuracy: test.accuracy, ByLoss: test.loss} {
			if got := test.best.beatenBy(test.epoch, by); got != want {
				t.Errorf("%+v beaten by %g, %g by %q: %v, want %v", test.best, test.epoch.ValidationAccuracy, test.epoch.ValidationLoss, by, got, want)
			}
		}
	}
}

func TestEarlyStoppingByHand(t *testing.T) {
	accuracies := []Measure{0.3, 0.5, 0.5, 0.55, 0.4, 0.52, 0.9}
	losses := []Measure{2, 1.5, 1.45, 1.39, 1.38, 1.37, 1.36}
	var epochs []EpochMetrics
	for i := range accuracies {
		m := validated(accuracies[i], losses[i])
		m.Epoch = i + 1
		epochs = append(epochs, m)
	}
	for _, test := range []struct {
		stopping *EarlyStopping
		want     int
	}{
		{nil, 0},
		{&EarlyStopping{Patience: 1}, 3},
		{&EarlyStopping{Patience: 2}, 6},
		{&EarlyStopping{Patience: 3}, 0},                                 // 0.9 comes in time
		{&EarlyStopping{Patience: 3, MinDelta: 0.05}, 5},                 // 0.55 is not more than 0.05 above 0.5
		{&EarlyStopping{Monitor: ByLoss, Patience: 2}, 0},                // it always falls
		{&EarlyStopping{Monitor: ByLoss, Patience: 2, MinDelta: 0.1}, 6}, // 1.39 is enough below 1.5, 1.37 not below 1.39
	} {
		if got := test.stopping.after(epochs); got != test.want {
			t.Errorf("%+v stops after epoch %d, want %d", test.stopping, got, test.want)
		}
		for n := range epochs { // never before it has seen the epoch
			if got := test.stopping.after(epochs[:n]); got > n || got != 0 && got != test.want {
				t.Errorf("%+v stops after epoch %d of %d", test.stopping, got, n)
			}
		}
	}
}

// A training ends early, keeps its best epoch, and stays ended.
func TestStoppedEarly(t *testing.T) {
	e := tiny()
	e.Training.Epochs = 30
	e.Training.EarlyStopping = &EarlyStopping{Monitor: ByLoss, Patience: 1, MinDelta: 100}
	e.Training.Select = ByLoss
	n := &notes{}
	run, err := train(t, TrainOptions{Experiment: e, Listener: n.listener()})
	if err != nil {
		t.Fatal(err)
	}
	n.want(t, "stopped early, after epoch 2 of 30: the validation loss was no better for 1 epoch")
	metrics := must(run.Metrics())
	if len(metrics) != 2 {
		t.Fatalf("%d epochs", len(metrics))
	}
	want := 1
	if metrics[1].ValidationLoss < metrics[0].ValidationLoss {
		want = 2
	}
	if got := evaluationOf(t, run.Dir).Epoch; got != want {
		t.Errorf("kept epoch %d, want %d", got, want)
	}
	for _, step := range []int{7, 18, afterEpoch + 2} {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			dir := interrupt(t, TrainOptions{Experiment: e}, step)
			resume(t, dir, Listener{})
			sameRun(t, dir, run.Dir)
		})
	}
}
