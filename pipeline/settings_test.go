package pipeline

import (
	"strings"
	"testing"

	"oscar/experiment"
)

// trainingSettings are the ways of training that a run may be resumed in, to the bit: the keys that
// are set, and why they cannot be had in fine-tuning, "" if they can.
var trainingSettings = []struct {
	name, keys, refused string
}{
	{"sgd", "training.optimizer={kind: sgd, momentum: 0.9, nesterov: true, weight_decay: 0.01}", ""},
	{"plain sgd", "training.optimizer=sgd", ""},
	{"rmsprop", "training.optimizer={kind: rmsprop, momentum: 0.5}", ""},
}

// with returns a short training with settings, separated by spaces after a semicolon.
func with(t *testing.T, e experiment.Experiment, keys string) experiment.Experiment {
	t.Helper()
	e.Training.Epochs = 2
	for setting := range strings.SplitSeq(keys, "; ") {
		if err := e.Set(setting); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

// Stopped within an epoch, a run ends with the same bits, and each setting changes what is
// learned.
func TestSettingsResumeToTheBit(t *testing.T) {
	const data = "saved_model/variables/variables.data-00000-of-00001"
	learned := map[string]string{}
	for _, s := range append(trainingSettings, struct{ name, keys, refused string }{"plain", "seed=1", ""}) {
		t.Run(s.name, func(t *testing.T) {
			e := with(t, tiny(), s.keys)
			whole, err := train(t, TrainOptions{Experiment: e})
			if err != nil {
				t.Fatal(err)
			}
			dir := interrupt(t, TrainOptions{Experiment: e}, 4)
			sameRun(t, resume(t, dir, Listener{}).Dir, whole.Dir)
			weights := tree(t, whole.Dir)[data]
			if other, same := learned[weights]; same {
				t.Errorf("%s learns the same as %s", s.name, other)
			}
			learned[weights] = s.name
		})
	}
}

// The same settings in fine-tuning, from the head's epoch on, or the line that refuses them.
func TestSettingsInFineTuning(t *testing.T) {
	for _, s := range trainingSettings {
		t.Run(s.name, func(t *testing.T) {
			e := with(t, tuning(t), s.keys)
			whole, err := train(t, TrainOptions{Experiment: e})
			if s.refused != "" {
				wantError(t, err, s.refused)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			dir := interrupt(t, TrainOptions{Experiment: e}, 13)
			sameRun(t, resume(t, dir, Listener{}).Dir, whole.Dir)
		})
	}
}
