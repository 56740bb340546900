package pipeline

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"oscar/dataset"
	"oscar/tfmodel"
)

// unequal is a table of the shapes with 8, 4, 3, 3, 3 and 3 images a class, some with a
// weight.
func unequal(t *testing.T) string {
	t.Helper()
	images, err := dataset.ListImages(t.Context(), []string{shapes(t)})
	if err != nil {
		t.Fatal(err)
	}
	text := "path,label,weight\n"
	taken := map[string]int{}
	var classes []string
	for i, path := range images {
		class := filepath.Base(filepath.Dir(path))
		if !slices.Contains(classes, class) {
			classes = append(classes, class)
		}
		if taken[class]++; taken[class] <= []int{8, 4, 3, 3, 3, 3}[len(classes)-1] {
			text += fmt.Sprintf("%s/%s,%s,%d\n", class, filepath.Base(path), class, 1+i%3)
		}
	}
	table := filepath.Join(t.TempDir(), "unequal.csv")
	write(t, table, text)
	return table
}

// Weights of classes and images, balanced sampling and focal loss: interrupted within
// an epoch, a run ends with the same bits, and each setting changes what is learned.
func TestImbalanceResumesToTheBit(t *testing.T) {
	table := unequal(t)
	experiment := tiny()
	experiment.Data.Root = shapes(t)
	experiment.Data.Fractions = [3]float64{0.5, 0.25, 0.25}
	experiment.Training.Epochs = 2
	losses := map[float64]string{}
	for _, setting := range []string{"seed=1", "training.class_weight=balanced", "training.sampling=balanced", "training.loss.kind=" + tfmodel.FocalCrossEntropy} {
		e := experiment
		if err := e.Set(setting); err != nil {
			t.Fatal(err)
		}
		r, err := train(t, TrainOptions{Data: table, Experiment: e})
		if err != nil {
			t.Fatal(err)
		}
		loss := metricsOf(t, r.Dir)[0].Loss
		if other, same := losses[loss]; same {
			t.Errorf("%s learns from the same loss as %s, %g", setting, other, loss)
		}
		losses[loss] = setting
		experiment = e // with the next one
	}
	whole, err := train(t, TrainOptions{Data: table, Experiment: experiment})
	if err != nil {
		t.Fatal(err)
	}
	dir := interrupt(t, TrainOptions{Data: table, Experiment: experiment, Machine: Machine{CheckpointEvery: 1}}, 4)
	sameRun(t, resume(t, dir, Listener{}).Dir, whole.Dir)
	experiment.Training.ClassWeight.Balanced = false
	experiment.Training.ClassWeight.ByName = map[string]float64{"glass": 2}
	_, err = train(t, TrainOptions{Data: table, Experiment: experiment})
	wantError(t, err, `class_weight: no class "glass"; have bottle, box, can, paper, roll, tray`)
}
