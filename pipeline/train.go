package pipeline

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"oscar/dataset"
	"oscar/internal/atomicfile"
	"oscar/internal/paths"
	"oscar/internal/text"
)

// ErrInterrupted says that a job stopped because it was told to, and left all
// that is needed to go on.
var ErrInterrupted = errors.New("interrupted")

// TrainOptions are the options of [Train].
type TrainOptions struct {
	Data       string     // folder with one sub-folder a class
	Out        string     // the run folder to make
	Experiment Experiment // what to train
	Machine    Machine
	Listener   Listener

	// adopt, if not empty, is a folder that Data lies in and that is moved to
	// RUN/data: the run keeps its own images.
	adopt string
}

// Machine says what of the machine a job may use. It changes speed and
// memory; of the results only the last bits, by Threads.
type Machine struct {
	Threads         Threads
	Workers         int               // images decoded beside each other; 0: one a processor
	Cache           dataset.CacheMode // where decoded images are kept between epochs
	CheckpointEvery int               // steps between checkpoints within an epoch; 0: none
	Limits          dataset.Limits    // of an image to evaluate or explain; an experiment has its own
}

// Check reports the first number that cannot be.
func (m Machine) Check() error {
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"threads", int64(m.Threads.Intra)}, {"inter-threads", int64(m.Threads.Inter)}, {"workers", int64(m.Workers)},
		{"checkpoint-every", int64(m.CheckpointEvery)}, {"max-pixels", m.Limits.MaxPixels}, {"max-bytes", m.Limits.MaxBytes},
	} {
		if f.value < 0 {
			return fmt.Errorf("%s is %d, want 0 or more", f.name, f.value)
		}
	}
	return nil
}

// Train makes a run folder and trains to the end: split, epochs, export,
// evaluation of the test part. When ctx is cancelled it saves after the step
// under way and returns [ErrInterrupted].
func Train(ctx context.Context, o TrainOptions) (*Run, error) {
	if err := errors.Join(o.Experiment.Check(), o.Machine.Check()); err != nil {
		return nil, err
	}
	if err := newRunFolder(o.Out); err != nil {
		return nil, err
	}
	if paths.Within(paths.Absolute(o.Data), paths.Absolute(o.Out)) {
		return nil, fmt.Errorf("%s lies in %s, where every folder is a class; name a folder elsewhere", o.Out, o.Data)
	}
	o.Listener.stage("reading images")
	folder, err := dataset.Scan(ctx, o.Data, dataset.ScanOptions{
		Limits: o.Experiment.Data.limits(), Verify: true, Workers: o.Machine.Workers, Progress: o.Listener.Count,
	})
	if err != nil {
		return nil, interruptedBefore(ctx, err)
	}
	if o.Experiment.Data.Strict && len(folder.Unreadable) > 0 {
		p := folder.Unreadable[0]
		return nil, fmt.Errorf("%s cannot be read, the first is %s: %s", text.Count(len(folder.Unreadable), "file"), p.Path, p.Reason)
	}
	e := o.Experiment
	if e.Data.Root, err = filepath.Abs(folder.Root); err != nil {
		return nil, err
	}
	if err := e.resolve(len(folder.Classes)); err != nil {
		return nil, err
	}
	if err := e.warn(o.Listener); err != nil {
		return nil, err
	}
	split, err := dataset.NewSplit(folder, e.Data.Fractions, e.Seed)
	if err != nil {
		return nil, err
	}
	o.Listener.notes(dataset.Grouped(split.Notes))
	o.Listener.notes(dataset.LeftOut(split.Unreadable))
	if n := len(split.Unreadable); n > 0 {
		o.Listener.note(fmt.Sprintf("%s could not be read; split.json lists them", text.Count(n, "file")))
	}
	if o.adopt != "" {
		below, err := filepath.Rel(o.adopt, o.Data)
		if err != nil {
			return nil, err
		}
		e.Data.Root = filepath.ToSlash(filepath.Join(adoptedDir, below))
	}
	run, err := createRun(o.Out, o.adopt, e, NewEnvironment(o.Machine.Threads, e.Seed), split)
	if err != nil {
		return nil, err
	}
	defer run.Close()
	return run, run.train(ctx, o.Machine, o.Listener)
}

// Resume goes on with a run where its newest readable checkpoint stands, with
// the threads it began with unless machine says otherwise.
func Resume(ctx context.Context, dir string, machine Machine, listener Listener) (*Run, error) {
	run, err := OpenRun(dir)
	if err != nil {
		return nil, err
	}
	if err := machine.Check(); err != nil {
		return nil, err
	}
	if err := run.acquire(); err != nil {
		return nil, err
	}
	defer run.Close()
	if err := run.Experiment.warn(listener); err != nil {
		return nil, err
	}
	before := run.Environment.Threads
	if machine.Threads.Intra == 0 {
		machine.Threads.Intra = before.Intra
	}
	if machine.Threads.Inter == 0 {
		machine.Threads.Inter = before.Inter
	}
	if machine.Threads != before {
		listener.note(fmt.Sprintf("the run began with %d+%d threads, and goes on with %d+%d: the last bits may differ",
			before.Intra, before.Inter, machine.Threads.Intra, machine.Threads.Inter))
	}
	was, now := run.Environment, NewEnvironment(machine.Threads, run.Experiment.Seed)
	if was.TensorFlow != now.TensorFlow || was.Processor != now.Processor {
		listener.note(fmt.Sprintf("the run began with TensorFlow %s on %s, and goes on with TensorFlow %s on %s: the last bits may differ",
			was.TensorFlow, was.Processor, now.TensorFlow, now.Processor))
	}
	return run, run.train(ctx, machine, listener)
}

// interruptedBefore maps a cancelled context to ErrInterrupted.
func interruptedBefore(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w before there was anything to save", ErrInterrupted)
	}
	return err
}

// train does what is left of a run.
func (r *Run) train(ctx context.Context, machine Machine, listener Listener) error {
	if paths.Exists(r.path(evaluationFile)) && paths.Exists(r.Model()) {
		listener.note("the run is finished already")
		return nil
	}
	if err := r.fit(ctx, machine, listener); err != nil {
		return err
	}
	return r.finish(ctx, machine, listener)
}

// finish exports the best epoch and looks at the test part, once.
func (r *Run) finish(ctx context.Context, machine Machine, listener Listener) error {
	listener.stage("exporting")
	epoch, err := r.export(ctx, ExportOptions{Out: r.Model(), Threads: machine.Threads})
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w before the model was exported; go on with --resume %s", ErrInterrupted, r.Dir)
	} else if err != nil {
		return err
	}
	if err := r.drawCurves(epoch); err != nil {
		return err
	}
	switch {
	case len(r.Split.Test) == 0:
		listener.note("the split has no test part: nothing to evaluate")
		return nil
	case paths.Exists(r.path(evaluationFile)):
		return nil
	}
	result, err := Evaluate(ctx, EvaluateOptions{Model: r.Dir, Part: "test", Machine: machine, Listener: listener})
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w before the test part was evaluated; go on with --resume %s", ErrInterrupted, r.Dir)
	} else if err != nil {
		return err
	}
	result.Epoch = epoch
	return atomicfile.WriteJSON(r.path(evaluationFile), result)
}
