package pipeline

import (
	"oscar/experiment"

	"fmt"
	"testing"
)

// A training ends early, keeps its best epoch, and stays ended.
func TestStoppedEarly(t *testing.T) {
	e := tiny()
	e.Training.Epochs = 30
	e.Training.EarlyStopping = &experiment.EarlyStopping{Monitor: experiment.ByLoss, Patience: 1, MinDelta: 100}
	e.Training.Select = experiment.ByLoss
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
