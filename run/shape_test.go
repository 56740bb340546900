package run

import (
	"path/filepath"
	"testing"

	"oscar/experiment"
	"oscar/internal/testkit"
	"oscar/tfmodel"
)

// Weights of another shape are refused by the name of the variable.
func TestOtherShapes(t *testing.T) {
	e := experiment.Default()
	small := tfmodel.Tiny(2)
	prefix := filepath.Join(t.TempDir(), "variables")
	trainer, err := tfmodel.NewTrainer(small, e.Training.Learning(), 1, Config{Threads: Threads{Intra: 1, Inter: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	if err := trainer.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := trainer.Save(t.Context(), prefix); err != nil {
		t.Fatal(err)
	}
	other, err := tfmodel.NewTrainer(tfmodel.Tiny(3), e.Training.Learning(), 1, Config{Threads: Threads{Intra: 1, Inter: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	err = other.Restore(t.Context(), prefix)
	testkit.WantError(t, err, "restore "+prefix+": fc3/kernel is [16,2] there, and [16,3] in the network")
}
