package pipeline

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"

	"oscar/dataset"
	"oscar/experiment"
	"oscar/explain"
	"oscar/heatmap"
	"oscar/internal/atomicfile"
	"oscar/internal/npy"
	"oscar/internal/paths"
	"oscar/run"
	"oscar/tfmodel"
)

// DemoOptions are the options of [Demo].
type DemoOptions struct {
	Out      string // the run folder; an earlier demo in it is replaced
	PerClass int    // images per class to draw
	// Experiment is the training; see [DemoExperiment].
	Experiment experiment.Experiment
	Machine    Machine
	Listener   Listener
}

// DemoExperiment trains AlexNet02 on the synthetic set for about 80 steps. That is too few for the
// default learning rate, which is multiplied by 20. Batch normalization's moving averages, used in
// inference, have the momentum 0.9 instead of 0.99.
func DemoExperiment() experiment.Experiment {
	e := experiment.Default()
	e.Training.Epochs = 8
	e.Training.LearningRate = 1e-4
	e.Architecture = tfmodel.AlexNet02(len(dataset.SyntheticClasses))
	for _, l := range e.Architecture.Layers {
		if bn, ok := l.Layer.(*tfmodel.BatchNormalization); ok {
			bn.Momentum = 0.9
		}
	}
	return e
}

// DemoResult is the result of a demo.
type DemoResult struct {
	Run        *Run
	Evaluation *Evaluation
	Summary    *Summary
	Images     int     // explained images with a readable map
	Heat       float64 // mean share of the positive heat on the object, 0..1
	Area       float64 // mean share of the image covered by the object, 0..1
}

// demoMark is the file that marks a demo's run folder. Folders without it are not replaced.
const demoMark = "DEMO"

// Demo runs all steps on a synthetic set. It trains, evaluates and exports a model, opens the
// exported model, explains the test images and measures the share of heat on the objects.
func Demo(ctx context.Context, o DemoOptions) (*DemoResult, error) {
	if err := errors.Join(o.Experiment.Check(), o.Machine.Check()); err != nil {
		return nil, err
	}
	if o.PerClass < 3 {
		return nil, fmt.Errorf("per-class is %d, want at least 3: images to train on, to validate with and to test", o.PerClass)
	}
	folder, err := claimDemo(o.Out)
	if err != nil {
		return nil, err
	}
	run, err := o.train(ctx, folder)
	if err != nil {
		return nil, err
	}
	result := &DemoResult{Run: run}
	if result.Evaluation, err = run.Evaluation(); err != nil {
		return nil, err
	}
	settings := DefaultSettings()
	out := run.Path("explanations")
	var test []string
	for _, item := range run.Split.Test {
		test = append(test, filepath.Join(run.Images(), filepath.FromSlash(item.Path)))
	}
	result.Summary, err = Explain(ctx, ExplainOptions{
		Model: run.Model(), Paths: test, Out: out, Settings: settings, Machine: o.Machine, Listener: o.Listener,
	})
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("%w while the images were explained; the run %s is whole", ErrInterrupted, run.Dir)
		}
		return nil, err
	}
	if err := result.measure(out); err != nil {
		return nil, err
	}
	return result, nil
}

// train draws the images into the locked run folder and trains on them.
func (o DemoOptions) train(ctx context.Context, out *run.Folder) (_ *Run, err error) {
	data := filepath.Join(out.Path, run.DataDir)
	r, err := o.draw(ctx, out, data)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(data), out.Close())
	}
	defer r.Release(ctx, &err)
	_, err = r.train(ctx, o.Machine, o.Listener)
	return r, err
}

func (o DemoOptions) draw(ctx context.Context, out *run.Folder, data string) (*Run, error) {
	if err := os.RemoveAll(data); err != nil { // images of a killed demo
		return nil, err
	}
	if err := os.Mkdir(data, 0o777); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(data, demoMark), []byte("drawn and made by oscar demo, which replaces this folder\n"), 0o666); err != nil {
		return nil, err
	}
	o.Listener.Stage("drawing the synthetic data set")
	synthetic := dataset.SyntheticOptions{PerClass: o.PerClass, Seed: o.Experiment.Seed, Mark: demoMark}
	if err := dataset.Synthesize(ctx, data, synthetic); err != nil {
		return nil, interruptedBefore(ctx, err)
	}
	return TrainOptions{
		Data: filepath.Join(data, "images"), Out: out.Path, Experiment: o.Experiment, Machine: o.Machine, Listener: o.Listener,
	}.create(ctx, out)
}

// claimDemo locks the folder for a demo's run. It empties a folder with the mark of an earlier demo,
// and returns an error for any other folder.
func claimDemo(dir string) (*run.Folder, error) {
	if !paths.Exists(filepath.Join(dir, run.DataDir, demoMark)) {
		return run.Claim(dir)
	}
	lock, err := atomicfile.Lock(dir)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Name() == atomicfile.LockFile || e.Name() == run.DataDir { // the mark stays until the end, in case the process is killed
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return nil, err
		}
	}
	if err := lock.Close(); err != nil {
		return nil, err
	}
	return run.Claim(dir)
}

// measure compares the maps with the object masks of the synthetic set.
func (d *DemoResult) measure(out string) error {
	rows, err := ReadManifest(out)
	if err != nil {
		return err
	}
	data := d.Run.Path(run.DataDir)
	framing := d.Run.Experiment.Data.Framing(d.Run.Experiment.Architecture.Input)
	for _, r := range rows {
		if r.Status != string(explain.OK) {
			continue
		}
		name, err := filepath.Rel(filepath.Join(data, "images"), r.Image)
		if err != nil {
			return err
		}
		mask, err := dataset.DecodeFile(filepath.Join(data, "masks", name), dataset.DefaultLimits)
		if err != nil {
			return fmt.Errorf("mask of %s: %w", r.Image, err)
		}
		shape, values, err := npy.Read(filepath.Join(out, r.Map))
		if err != nil {
			return err
		}
		heat, area := heatOn(mask, explain.Grid{Height: shape[0], Width: shape[1], Values: values}, framing)
		d.Heat += heat
		d.Area += area
		d.Images++
	}
	if d.Images > 0 {
		d.Heat /= float64(d.Images)
		d.Area /= float64(d.Images)
	}
	return nil
}

// heatOn returns the share of a map's positive heat where the mask is white (the
// energy-based pointing game of Score-CAM, arXiv:1910.01279), and the share of white pixels.
// Both are 0..1.
func heatOn(mask *image.RGBA, g explain.Grid, f dataset.Framing) (heat, area float64) {
	size := mask.Bounds().Size()
	up := heatmap.OnImage(heatmap.Positive(g), f, size, size.Y, size.X)
	var on, all float64
	white := 0
	for i, v := range up.Values {
		all += float64(v)
		if mask.Pix[i*4] >= 128 {
			on += float64(v)
			white++
		}
	}
	return on / all, float64(white) / float64(len(up.Values))
}
