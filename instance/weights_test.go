package instance_test

import (
	"path/filepath"
	"strings"
	"testing"

	"oscar/instance"
	"oscar/run"
)

// A training that begins with another run's weights goes on from its loss; a run with other
// layers, or without a finished epoch, is refused.
func TestWeightsOfARun(t *testing.T) {
	data, tmp := scenes(t), t.TempDir()
	train := func(name string, e instance.Experiment) (losses []float64, err error) {
		_, err = instance.Train(t.Context(), instance.TrainOptions{
			Data: data, Out: filepath.Join(tmp, name), Experiment: e, Machine: run.Machine{Threads: run.Threads{Intra: 1, Inter: 1}},
			Listener: instance.Listener{OnEpoch: func(e instance.Epoch, _ bool) { losses = append(losses, e.Loss) }},
		})
		return losses, err
	}
	e := small(t)
	e.Training.Epochs, e.Training.LearningRate = 4, 5e-3
	first, err := train("first", e)
	if err != nil {
		t.Fatal(err)
	}
	e.Weights, e.Training.Epochs, e.Training.LearningRate = filepath.Join(tmp, "first"), 1, 1e-6
	next, err := train("next", e)
	if err != nil || next[0] > (first[0]+first[3])/2 {
		t.Errorf("losses %v, then %v: %v", first, next, err)
	}
	e.Detector.MaskChannels++
	if _, err := train("other", e); err == nil || !strings.Contains(err.Error(), "of other layers or other classes") {
		t.Error(err)
	}
	e.Weights = data
	if _, err := train("none", e); err == nil || !strings.Contains(err.Error(), "the folder is neither a run nor a SavedModel of oscar's") {
		t.Error(err)
	}
}
