package experiment

import (
	"oscar/result"
	"testing"
)

func validated(accuracy, loss result.Number) result.EpochMetrics {
	return result.EpochMetrics{ValidationAccuracy: accuracy, ValidationLoss: loss}
}

func TestEarlyStoppingByHand(t *testing.T) {
	accuracies := []result.Number{0.3, 0.5, 0.5, 0.55, 0.4, 0.52, 0.9}
	losses := []result.Number{2, 1.5, 1.45, 1.39, 1.38, 1.37, 1.36}
	var epochs []result.EpochMetrics
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
		if got := test.stopping.After(epochs); got != test.want {
			t.Errorf("%+v stops after epoch %d, want %d", test.stopping, got, test.want)
		}
		for n := range epochs { // never before it has seen the epoch
			if got := test.stopping.After(epochs[:n]); got > n || got != 0 && got != test.want {
				t.Errorf("%+v stops after epoch %d of %d", test.stopping, got, n)
			}
		}
	}
}
