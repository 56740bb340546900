package run

import (
	"oscar/experiment"
	"oscar/result"
	"oscar/tfmodel"
	"testing"
)

func validated(accuracy, loss result.Number) result.EpochMetrics {
	return result.EpochMetrics{ValidationAccuracy: accuracy, ValidationLoss: loss}
}

// The best epoch has the highest validation accuracy, or the lowest loss, the
// best of the other among equals, and is the first among those.
func TestBestEpoch(t *testing.T) {
	first := best{Epoch: 1, Accuracy: 0.5, Loss: 1}
	for _, test := range []struct {
		best     best
		epoch    result.EpochMetrics
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
		{best{Epoch: 1, Accuracy: result.Unmeasured, Loss: result.Unmeasured}, validated(result.Unmeasured, result.Unmeasured), true, true},
	} {
		for by, want := range map[experiment.Monitor]bool{"": test.accuracy, experiment.ByAccuracy: test.accuracy, experiment.ByLoss: test.loss} {
			if got := test.best.beatenBy(test.epoch, by); got != want {
				t.Errorf("%+v beaten by %g, %g by %q: %v, want %v", test.best, test.epoch.ValidationAccuracy, test.epoch.ValidationLoss, by, got, want)
			}
		}
	}
}

// The reason for validation at chance is given where it is batch normalization.
func TestAtChance(t *testing.T) {
	at := func(step int, accuracy float64, validation result.Number) result.EpochMetrics {
		return result.EpochMetrics{Step: step, Accuracy: accuracy, ValidationAccuracy: validation}
	}
	a := tfmodel.AlexNet02(6)
	hint := atChance(a, at(94, 0.62, 0.17))
	if want := "validation is at chance while training is at 0.62: the moving averages of batch normalization with momentum 0.99 need about 459 steps, and 94 are done; more epochs, a smaller batch or a smaller momentum help"; hint != want {
		t.Errorf("got  %s\nwant %s", hint, want)
	}
	without, err := a.Without("batch_normalization")
	if err != nil {
		t.Fatal(err)
	}
	for name, none := range map[string]string{
		"it learns nothing":  atChance(a, at(94, 0.2, 0.17)),
		"above chance":       atChance(a, at(94, 0.62, 0.3)),
		"long enough":        atChance(a, at(500, 0.62, 0.17)),
		"no validation":      atChance(a, at(94, 0.62, result.Unmeasured)),
		"no normalization":   atChance(without, at(94, 0.62, 0.17)),
		"a smaller momentum": atChance(tfmodel.ResNet10(6), at(94, 0.62, 0.17)),
	} {
		if none != "" {
			t.Errorf("%s: %s", name, none)
		}
	}
	if slowest(tfmodel.ResNet10(6).Layers) != 0.9 {
		t.Error("normalizations within blocks are not seen")
	}
}
