package pipeline

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oscar/experiment"
	"oscar/internal/graph"
	"oscar/tfmodel"
)

// blocks is a network of two residual blocks.
const blocks = `{name: blocks, input: [32, 32, 3], layers: [
	{name: conv, kind: conv2d, filters: 4, kernel: 3, stride: 4},
	{name: block1, kind: residual, body: [{name: conv, kind: conv2d, filters: 4, kernel: 3}]},
	{name: block2, kind: residual, body: [{name: conv, kind: conv2d, filters: 4, kernel: 3}]},
	{name: pool, kind: global_average_pool2d}, {name: fc, kind: dense, units: 6}]}`

// trainingSettings are ways of training that a run may be resumed in, to the bit.
var trainingSettings = []struct {
	name, keys string
	tuned      bool // it is tried in fine-tuning, too
}{
	{"plain", "seed=1", false},
	{"sgd", "training.optimizer={kind: sgd, momentum: 0.9, nesterov: true, weight_decay: 0.01}", true},
	{"plain sgd", "training.optimizer=sgd", false},
	{"rmsprop", "training.optimizer={kind: rmsprop, momentum: 0.5}", false},
	{"clipped norm", "training.global_clipnorm=0.5", false},
	{"clipped values", "training.clipvalue=0.01", false},
	{"accumulated", "training.accumulate=2", false},
	{"averaged", "training.ema_decay=0.9", false},
	{"erased", "training.augmentation.phases=[{random_erasing: 0.5, hue: 20}]", false},
	{"policy", "training.augmentation.phases=[{policy: {choose: 2, magnitude: 9}, horizontal_flip: true}]", false},
	{"mixed", "training.augmentation.phases=[{mixup: 0.4, cutmix: 1, rotation: 10}]", false},
	{"stochastic depth", "training.stochastic_depth=0.6; architecture=" + blocks, false},
	{"together", "training.accumulate=2; training.ema_decay=0.9; training.optimizer=rmsprop; training.clipvalue=0.01; training.augmentation.phases=[{cutmix: 1, random_erasing: 0.5, policy: {choose: 1, magnitude: 5}}]", true},
}

// with returns a short training with settings, which semicolons separate.
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

// resumable trains, once without a break and once stopped after two thirds of the steps, and
// returns the folder of the first run.
func resumable(t *testing.T, e experiment.Experiment) *Run {
	t.Helper()
	whole, err := train(t, TrainOptions{Experiment: e})
	if err != nil {
		t.Fatal(err)
	}
	metrics := metricsOf(t, whole.Dir)
	dir := interrupt(t, TrainOptions{Experiment: e}, metrics[len(metrics)-1].Step*2/3)
	sameRun(t, resume(t, dir, Listener{}).Dir, whole.Dir)
	return whole
}

// Stopped within an epoch, a run ends with the same bits, and each setting makes another
// checkpoint.
func TestSettingsResumeToTheBit(t *testing.T) {
	learned := map[string]string{}
	for _, s := range trainingSettings {
		t.Run(s.name, func(t *testing.T) {
			files, err := filepath.Glob(filepath.Join(resumable(t, with(t, tiny(), s.keys)).Dir, checkpointsDir, "step-*", "variables.data-*"))
			if err != nil || len(files) != 1 {
				t.Fatal(files, err)
			}
			variables, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			if other, same := learned[string(variables)]; same {
				t.Errorf("%s learns the same as %s", s.name, other)
			}
			learned[string(variables)] = s.name
		})
	}
}

// The same settings in fine-tuning, from the head's epoch on.
func TestSettingsInFineTuning(t *testing.T) {
	for _, s := range trainingSettings {
		if !s.tuned {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			resumable(t, with(t, tuning(t), s.keys))
		})
	}
}

// The average of the weights is exported where it is better, here for want of a validation
// part. Lost weights of the best epoch are made again as the average, too.
func TestAverageIsKept(t *testing.T) {
	e := with(t, tiny(), "training.ema_decay=0.8; data.fractions=[0.8, 0, 0.2]")
	whole, err := train(t, TrainOptions{Experiment: e})
	if err != nil {
		t.Fatal(err)
	}
	metrics := metricsOf(t, whole.Dir)
	if m := metrics[1]; m.Weights != "average" || !math.IsNaN(float64(m.OtherValidationLoss)) {
		t.Errorf("the last epoch has %+v", m)
	}
	trainer, err := tfmodel.NewTrainer(whole.Experiment.Architecture, whole.Experiment.Training.Learning(), 1, graph.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	_, newest, err := checkpoints{filepath.Join(whole.Dir, checkpointsDir)}.newest()
	if err != nil {
		t.Fatal(err)
	}
	if err := trainer.Restore(t.Context(), filepath.Join(whole.Dir, checkpointsDir, newest, "variables")); err != nil {
		t.Fatal(err)
	}
	saved := t.TempDir()
	err = trainer.WithAverages(t.Context(), func() error { return trainer.SaveWeights(t.Context(), filepath.Join(saved, "variables")) })
	const data = "variables.data-00000-of-00001"
	if kept := tree(t, filepath.Join(whole.Dir, checkpointsDir, "best-0002"))[data]; err != nil || kept == "" || tree(t, saved)[data] != kept {
		t.Errorf("the weights of the best epoch are not the averages (%v)", err)
	}

	dir := interrupt(t, TrainOptions{Experiment: e}, metrics[0].Step+2)
	best := filepath.Join(dir, checkpointsDir, "best-0001")
	was := tree(t, best)
	if err := os.RemoveAll(best); err != nil {
		t.Fatal(err)
	}
	var again map[string]string
	resume(t, dir, Listener{OnStage: func(stage string) {
		if stage == "training" {
			again = tree(t, best)
		}
	}})
	if was[data] == "" || was[data] != again[data] {
		t.Error("the best epoch's weights are made again otherwise")
	}
	if tree(t, dir)["saved_model/variables/"+data] != tree(t, whole.Dir)["saved_model/variables/"+data] {
		t.Error("the resumed run ends with other weights")
	}
}
