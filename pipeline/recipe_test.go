package pipeline

import (
	"fmt"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oscar/dataset"
	"oscar/internal/machine"
	"oscar/tfmodel"
)

// rich is a training with all that a recipe may have: 3 epochs of 18 steps.
func rich() Experiment {
	e := tiny()
	all := dataset.Variation{
		Rotation: dataset.Span{Low: -20, High: 20}, Zoom: dataset.Factor{Low: 0.9, High: 1.1}, RandomCrop: dataset.Factor{Low: 0.6, High: 1},
		HorizontalFlip: true, VerticalFlip: true, Contrast: dataset.Factor{Low: 0.8, High: 1.2}, FillMode: dataset.FillReflect,
	}
	t := &e.Training
	t.Epochs = 3
	t.Schedule = Schedule{Kind: "cosine", WarmupSteps: 5}
	t.Adam.WeightDecay, t.Loss.LabelSmoothing = 0.02, 0.1
	t.Augmentation = dataset.Augmentation{
		Copies: []dataset.Variation{{Rotation: dataset.Span{Low: 10, High: 180}}},
		Phases: []dataset.Phase{{Epochs: 2, Variation: all}},
	}
	t.Select = ByLoss
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
		want := rich().Training.rate(18*(i+1)-1, 72)
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
			if _, err := Resume(t.Context(), dir, machine, Listener{}); err != nil {
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
	if math.Abs(first.Loss-float64(kept.ValidationLoss)) > 1e-5 || first.Accuracy != float64(kept.ValidationAccuracy) {
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

// What cannot fit is refused with its forecast, what hardly fits is noted.
func TestMemoryForecast(t *testing.T) {
	e := DefaultExperiment()
	e.Architecture = tfmodel.AlexNet02(6)
	e.Training.Batch = 32
	m, err := e.Architecture.Memory(32)
	if err != nil {
		t.Fatal(err)
	}
	fixed := m.Weights + m.Gradients + m.Optimizer
	if note, err := e.fits(m.Training); note != "" || err != nil {
		t.Errorf("it just fits: %q, %v", note, err)
	}
	if note, err := e.fits(0); note != "" || err != nil {
		t.Errorf("an unknown memory: %q, %v", note, err)
	}
	note, err := e.fits(m.Training - 1)
	if err != nil || !strings.Contains(note, "a step of 32 images takes about 1.") || !strings.Contains(note, "as --batch 16, takes less") {
		t.Errorf("%q, %v", note, err)
	}
	_, err = e.fits(fixed - 1)
	wantError(t, err, "training alexnet02 takes 0.8 GiB for weights, gradients and optimiser alone, and this machine has 0.8 GiB; take a smaller network: fc1 has 37 million weights")
	if machine.Memory() < 1<<28 {
		t.Errorf("this machine has %d bytes", machine.Memory())
	}

	// The study's variant without pooling.
	e = DefaultExperiment()
	if e.Architecture, err = tfmodel.AlexNet02(6).Without("max_pool2d"); err != nil {
		t.Fatal(err)
	}
	_, err = e.fits(24 << 30)
	if err == nil || !strings.Contains(err.Error(), "fc1 has 3171 million weights") {
		t.Errorf("without pooling: %v", err)
	}
}

// The reason for validation at chance is given where it is batch normalisation.
func TestAtChance(t *testing.T) {
	at := func(step int, accuracy float64, validation Measure) EpochMetrics {
		return EpochMetrics{Step: step, Accuracy: accuracy, ValidationAccuracy: validation}
	}
	a := tfmodel.AlexNet02(6)
	hint := atChance(a, at(94, 0.62, 0.17))
	if want := "validation is at chance while training is at 0.62: the moving averages of batch normalisation with momentum 0.99 need about 459 steps, and 94 are done; more epochs, a smaller batch or a smaller momentum help"; hint != want {
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
		"no validation":      atChance(a, at(94, 0.62, Unmeasured)),
		"no normalisation":   atChance(without, at(94, 0.62, 0.17)),
		"a smaller momentum": atChance(tfmodel.ResNet10(6), at(94, 0.62, 0.17)),
	} {
		if none != "" {
			t.Errorf("%s: %s", name, none)
		}
	}
	if slowest(tfmodel.ResNet10(6).Layers) != 0.9 {
		t.Error("normalisations within blocks are not seen")
	}
}
