package study

import (
	"path/filepath"
	"slices"
	"testing"

	"oscar/internal/graph"
	"oscar/tfmodel"
)

// A variant starts from weights: what is frozen keeps them.
func TestFineTunedVariant(t *testing.T) {
	trainer, err := tfmodel.NewTrainer(tfmodel.Tiny(6), tfmodel.Training{}, 9, graph.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	prefix := filepath.Join(t.TempDir(), "weights")
	if err := trainer.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := trainer.SaveWeights(t.Context(), prefix); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	o := options(t)
	o.Study.Epochs, o.Study.Claims, o.Study.Explain.Images, o.Study.Explain.Mosaics = 0, nil, 1, 0
	o.Study.Base["training"] = keys{"epochs": 2, "batch": 8, "learning_rate": 2e-3}
	o.Study.Variants = []Variant{{Name: "baseline"}, {Name: "tuned", FineTune: map[string]any{"weights": prefix, "freeze": []any{"conv1"}, "head_epochs": 1}}}
	if _, err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	r := mustOpen(t, filepath.Join(o.Out, "runs", "tuned-1"))
	if a := r.Experiment.Architecture; a.Tuning == nil || !slices.Equal(a.Tuning.Freeze, []string{"conv1"}) || r.Experiment.HeadEpochs() != 1 {
		t.Errorf("the architecture's tuning is %+v", a.Tuning)
	}
	read := func(path string) []float32 {
		values, err := graph.ReadCheckpoint(t.Context(), path, []graph.Entry{{Key: "conv1/kernel", DType: graph.Float}})
		if err != nil {
			t.Fatal(err)
		}
		return values[0].Float32s()
	}
	if !slices.Equal(read(prefix), read(filepath.Join(r.Model(), "variables", "variables"))) {
		t.Error("conv1, which is frozen, was trained, or began otherwise")
	}
}
