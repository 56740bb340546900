package instance_test

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"oscar/instance"
	"oscar/internal/machine"
	"oscar/run"
)

// In bfloat16 the losses of the first epoch are near those in float32, and not the same. A
// processor without the instructions gets an error.
func TestBFloat16(t *testing.T) {
	data := scenes(t)
	loss := func(p run.Precision) (float64, error) {
		e, first := small(t), 0.0
		e.Training.Precision, e.Training.Epochs = p, 1
		_, err := instance.Train(t.Context(), instance.TrainOptions{
			Data: data, Out: filepath.Join(t.TempDir(), "run"), Experiment: e, Machine: run.Machine{Threads: run.Threads{Intra: 1, Inter: 1}},
			Listener: instance.Listener{OnEpoch: func(e instance.Epoch, _ bool) { first = e.Loss }},
		})
		return first, err
	}
	plain, err := loss(machine.Float32)
	if err != nil {
		t.Fatal(err)
	}
	short, err := loss(machine.BFloat16)
	switch {
	case !machine.HasBFloat16():
		if err == nil || !strings.Contains(err.Error(), "AVX512_BF16") {
			t.Error(err)
		}
	case err != nil:
		t.Fatal(err)
	case short == plain || math.Abs(short-plain) > 0.05*plain:
		t.Errorf("loss %g in float32, %g in bfloat16", plain, short)
	}
	if _, err := loss(machine.Auto); err == nil || !strings.Contains(err.Error(), "training.precision is auto") {
		t.Error(err)
	}
}
