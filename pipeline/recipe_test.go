package pipeline

import (
	"fmt"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"oscar/dataset"
	"oscar/experiment"
	"oscar/tfmodel"
)

// rich is a training with all that a recipe may have: 3 epochs of 18 steps.
func rich() experiment.Experiment {
	e := tiny()
	all := dataset.Variation{
		Rotation: dataset.Span{Low: -20, High: 20}, Zoom: dataset.Factor{Low: 0.9, High: 1.1}, RandomCrop: dataset.Factor{Low: 0.6, High: 1},
		HorizontalFlip: true, VerticalFlip: true, Contrast: dataset.Factor{Low: 0.8, High: 1.2}, FillMode: dataset.FillReflect,
	}
	t := &e.Training
	t.Epochs = 3
	t.Schedule = experiment.Schedule{Kind: "cosine", WarmupSteps: 5}
	t.Adam.WeightDecay, t.Loss.LabelSmoothing = 0.02, 0.1
	t.Augmentation = dataset.Augmentation{
		Copies: []dataset.Variation{{Rotation: dataset.Span{Low: 10, High: 180}}},
		Phases: []dataset.Phase{{Epochs: 2, Variation: all}},
	}
	t.Select = experiment.ByLoss
	return e
}

// With changed images, a schedule and all else, a run that is interrupted ends
// with the bits of one that was not, whatever the workers and the cache.
func TestRichRecipeResumed(t *testing.T) {
	whole, err := train(t, TrainOptions{Experiment: rich()})
	if err != nil {
		t.Fatal(err)
	}
	metrics := must(whole.Metrics())
	for i, m := range metrics {
		want := rich().Training.Rate(18*(i+1)-1, 72)
		if m.Step != 18*(i+1) || m.LearningRate != want || want > 1e-3 {
			t.Errorf("epoch %d: step %d, rate %g, want %g", m.Epoch, m.Step, m.LearningRate, want)
		}
	}
	if len(metrics) != 3 || metrics[2].LearningRate > 1e-5 {
		t.Errorf("the last of %d epochs ends with rate %g", len(metrics), metrics[len(metrics)-1].LearningRate)
	}
	for _, step := range []int{1, 17, 18, 40} {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			dir := interrupt(t, TrainOptions{Experiment: rich()}, step)
			machine := oneThread
			machine.Workers, machine.Cache = 5, dataset.CacheMemory
			if _, err := Resume(t.Context(), ResumeOptions{Run: dir, Machine: machine}); err != nil {
				t.Fatal(err)
			}
			sameRun(t, dir, whole.Dir)
		})
	}
	plain := rich()
	plain.Training.Augmentation.Phases = nil
	run, err := train(t, TrainOptions{Experiment: plain})
	if err != nil {
		t.Fatal(err)
	}
	if must(run.Metrics())[0].Loss == metrics[0].Loss {
		t.Error("the phase changes nothing")
	}
	// Only what is trained on is changed: the parts are evaluated as they are.
	first, err := Evaluate(t.Context(), EvaluateOptions{Model: whole.Dir, Part: "validation", Machine: oneThread})
	if err != nil {
		t.Fatal(err)
	}
	kept := metrics[evaluationOf(t, whole.Dir).Epoch-1]
	if math.Abs(float64(first.Loss-kept.ValidationLoss)) > 1e-5 || first.Accuracy != kept.ValidationAccuracy {
		t.Errorf("validation: loss %g, accuracy %g; evaluated again %g, %g", kept.ValidationLoss, kept.ValidationAccuracy, first.Loss, first.Accuracy)
	}
}

// The sheet has a row an image and a column for it, its copy and each draw.
func TestPreviewAugmentation(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sheet.png")
	if err := PreviewAugmentation(t.Context(), PreviewOptions{Data: shapes(t), Out: file, Experiment: rich(), Images: 3, Draws: 2}); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sheet, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	in, err := tfmodel.Lookup("tiny", 6)
	if err != nil {
		t.Fatal(err)
	}
	size := sheet.Bounds().Size()
	if w, h := in.Input[1], in.Input[0]; size.X < 4*w || size.X >= 5*w || size.Y < 3*h || size.Y >= 5*h {
		t.Errorf("the sheet is %v", size)
	}
	if err := PreviewAugmentation(t.Context(), PreviewOptions{Data: "none", Out: file, Experiment: rich()}); err == nil {
		t.Error("no error without images")
	}
	err = PreviewAugmentation(t.Context(), PreviewOptions{Data: shapes(t), Out: file, Experiment: tiny()})
	wantError(t, err, "there is nothing to show: training.augmentation is empty")
	copies := rich()
	copies.Training.Augmentation.Phases = nil
	if got := columns(copies, 6); len(got) != 2 || got[1].title != "copy 1" {
		t.Errorf("columns of copies alone: %+v", got)
	}
}
